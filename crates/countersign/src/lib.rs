//! Countersign as a program: files, environment and arguments become a running gateway.
//!
//! Begin with [`compose`]: text to gateway. [`config`] is how the text is read and checked, [`run`] how the gateway is
//! started and reloaded, [`cli`] the commands.

pub mod bug;
pub mod ca;
pub mod cli;
pub mod compose;
pub mod config;
pub mod import;
pub mod output;
pub mod reference;
pub mod reload;
pub mod run;
pub mod schema;
pub mod state;
pub mod version;
