//! Empty until its first part is written.
