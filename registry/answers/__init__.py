"""One question a file: the file name is the function name is the question."""
