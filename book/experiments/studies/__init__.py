"""The experiments; every module here is imported when somebody asks which there are."""
