//! Property tests of the core over the recorded fixtures; see `tests/`.
