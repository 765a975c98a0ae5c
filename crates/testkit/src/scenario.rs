//! Pages of documentation that are checked: Markdown with a configuration, requests and the answers they must get.
//!
//! [`page`] reads a page into steps; [`question`] says one client's request the way each face is asked; [`expect`]
//! compares what came with the answer block; [`run`] drives a gateway through a page, once behind each face. The format
//! is told in `crates/countersign/tests/scenarios/README.md`.

mod browser;
mod caught;
mod certificates;
mod exchange;
pub mod expect;
mod journey;
mod observe;
pub mod page;
mod plan;
mod provider;
pub mod question;
pub mod run;
