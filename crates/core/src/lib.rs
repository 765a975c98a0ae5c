//! The words and the decision.
//!
//! Nothing here opens a socket, reads a file, asks the time or draws a random byte. Reading order:
//!
//! - the world, passed in: [`time`], [`entropy`], [`secret`], [`http_client`], [`kept`], [`session`];
//! - who asks for what: [`peer`], [`gate`], [`request`];
//! - who they are: [`claims`], [`principal`], [`spiffe`], [`credential_place`], [`certificate`], [`authn`];
//! - what is answered: [`route`], [`policy`], [`decide`], [`identity_headers`], [`own_path`], [`return_to`];
//! - how a part says what can be configured: [`options`]; how a URL of that is shown: [`shown_url`].

pub mod authn;
pub mod certificate;
pub mod claims;
pub mod credential_place;
pub mod decide;
pub mod entropy;
pub mod gate;
pub mod http_client;
pub mod identity_headers;
pub mod kept;
pub mod options;
pub mod own_path;
pub mod peer;
pub mod policy;
pub mod principal;
pub mod reason;
pub mod request;
pub mod return_to;
pub mod route;
pub mod secret;
pub mod session;
pub mod shown_url;
pub mod spiffe;
pub mod time;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A future in a box: ports and authenticators are chosen at run time, and no `where` clause outgrows its function.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The world outside, in five handles.
#[derive(Clone, Debug)]
pub struct Ports {
    /// What time it is.
    pub clock: Arc<dyn time::Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn entropy::Entropy>,
    /// Requests to others.
    pub http: Arc<dyn http_client::HttpClient>,
    /// Sealed records that end.
    pub sessions: Arc<dyn session::SessionStore>,
    /// Named blobs that outlive the process.
    pub kept: Arc<dyn kept::Kept>,
}
