//! What a socket may hold, and how long it is waited for.
