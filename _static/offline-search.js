// Over file:// a browser refuses the fetch with which Sphinx's search makes its excerpts.
// Without excerpts the list of hits works there too, and no error is reported.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}
