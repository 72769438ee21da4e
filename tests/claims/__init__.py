"""The claims of each chapter; a package, so that a module's tests may bear the same name."""
