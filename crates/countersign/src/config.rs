//! The configuration: files to text ([`source`]), text to checked shapes ([`shape`], by the tables of [`spec`]), shapes to
//! meaning ([`check`]). Past that nothing about configuration can fail. Every mistake is told at once ([`diagnostic`]).

mod certificates;
pub mod check;
pub mod diagnostic;
mod elsewhere;
pub mod hidden;
pub mod identity;
mod lacking;
pub mod listen;
mod login;
pub mod nearest;
pub(crate) mod pages;
mod provider;
mod public_ports;
pub mod require;
pub mod route;
pub mod scalar;
pub mod session;
pub mod shape;
pub mod source;
pub mod spec;
mod sso;

pub use diagnostic::{Diagnostic, Severity, render};
pub use source::{Environment, Sources};
