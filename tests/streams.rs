//! Streams over HTTP.
