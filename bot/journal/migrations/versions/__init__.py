"""One file per schema; a file is never changed once its schema was released."""
