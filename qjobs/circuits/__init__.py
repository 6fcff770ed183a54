"""Circuit files of any format become one QPY container that is sliced by bytes."""
