//! Sessions in a world that stands still: a store and an issuer with switches, and tokio's paused clock.

mod ends;
mod issuer;
mod kept;
mod looking;
mod renewing;
mod store;
mod world;
