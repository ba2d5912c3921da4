"""Pages for people: one self-contained file a day, a range, a study or a sweep."""
