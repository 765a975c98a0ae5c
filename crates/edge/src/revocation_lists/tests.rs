//! Lists that come, change and go.
