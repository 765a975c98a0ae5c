//! Certificates as an authenticator sees them.
