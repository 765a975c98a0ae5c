//! From the clear to TLS: whatever is asked for, the client is told to ask for it over TLS. Nothing else is served, and
//! nothing is decided.

use super::answer::{refuse, words_for};
use super::reverse_proxy::{host, target};
use super::{Asker, Integration, Question, ReadContext, Reply, Unread, answer};
use crate::body::Body;
use countersign_core::decide::Decision;
use countersign_core::gate::{Scheme, Target, judge_method};
use countersign_core::route::Route;
use http::request::Parts;
use http::{HeaderValue, Response};

/// The dialect.
#[derive(Debug)]
pub(super) struct Redirect {
    /// Where TLS is spoken.
    port: u16,
}

impl Redirect {
    /// To this port of the same host.
    pub(super) const fn to(port: u16) -> Self {
        Self { port }
    }
}

impl Integration for Redirect {
    fn read(&self, mut head: Parts, context: &ReadContext<'_>) -> Result<Question, Unread> {
        drop(judge_method(head.method.as_str())?);
        let host = host(&mut head, context.scheme)?;
        let target = Target::judge(target(&head.uri))?;
        let port = match self.port {
            usual if usual == Scheme::Https.default_port() => String::new(),
            port => format!(":{port}"),
        };
        let location = format!("https://{}{port}{}", host.name(), target.as_str());
        // What was judged is visible ASCII.
        let location = HeaderValue::try_from(location).map_err(|_| Unread::NotFound)?;
        Err(Unread::Elsewhere(location))
    }

    fn write(&self, question: &Question, _: Option<&Route>, decision: Decision) -> Reply {
        Reply::Respond(answer::to_client(&words_for(&question.request, &decision)))
    }

    fn refuse(&self, unread: &Unread, asker: &Asker) -> Response<Body> {
        refuse(unread, asker)
    }

    fn is_sub_request(&self, _: &str) -> bool {
        false
    }
}
