"""The only home of Great Expectations: the suites over a dataset's figures, their report, and the score."""
