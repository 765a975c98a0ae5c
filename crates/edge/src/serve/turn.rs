//! The question of one request, read: who asks, over which connection, with which certificate, and which route governs.

use super::{MAX_HEAD_BYTES, MAX_HEAD_LINES};
use crate::gateway::Gateway;
use crate::integration::{Asker, Integration, Purpose, Question, ReadContext, Unread};
use crate::observe::Observation;
use crate::tls::{Session, TlsHosts};
use countersign_core::certificate::{ClientCertificate, Verdict};
use countersign_core::gate::{Scheme, Unreadable};
use countersign_core::peer::Peer;
use countersign_core::reason::UnreadableReason;
use countersign_core::request::Forwarder;
use countersign_core::route::Route;
use countersign_core::time::Now;
use http::header::COOKIE;
use http::request::Parts;
use std::sync::Arc;

/// What is the same from the beginning of one request to its end.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) integration: &'a dyn Integration,
    pub(super) peer: &'a Peer,
    /// How the connection was made, and the hosts by the rules of now: over TLS.
    pub(super) secured: Option<(&'a Session, &'a TlsHosts)>,
    pub(super) asker: &'a Asker,
}

impl<'a> Turn<'a> {
    /// The question, and the route that governs it.
    pub(super) fn read(
        &self,
        head: Parts,
        observation: &mut Observation,
    ) -> Result<(Question, Option<&'a Arc<Route>>), Unread> {
        let certificate = self.certificate(observation.began())?;
        let context = ReadContext {
            peer: self.peer,
            scheme: match self.secured {
                Some(_) => Scheme::Https,
                None => Scheme::Http,
            },
            certificate: &certificate,
            id: observation.id,
            identity: &self.gateway.identity,
            routes: &self.gateway.routes,
            now: observation.began(),
        };
        judge_head(&head)?;
        let question = self.integration.read(head, &context)?;
        observation.asked(&question.request);
        self.judge_host(&question)?;
        let route = route(self.gateway, &question)?;
        Ok((question, route))
    }

    /// The client's certificate as it is judged now, by the host that the connection was made for; where that host wants
    /// one that holds, nothing is read without.
    fn certificate(&self, now: Now) -> Result<ClientCertificate, Unread> {
        let Some((session, hosts)) = self.secured else {
            return Ok(ClientCertificate::default());
        };
        let policy = hosts.chosen(session.name.as_deref()).policy();
        let certificate = policy.judge(self.peer.certificate.as_ref(), now);
        match certificate {
            certificate if policy.lets_in(&certificate) => Ok(certificate),
            ClientCertificate {
                verdict: Verdict::Failed(failure),
                ..
            } => Err(Unread::NoCertificate(Some(failure))),
            _ => Err(Unread::NoCertificate(None)),
        }
    }

    /// Whether the connection may carry this request: its host must ask for the certificate that the client was asked
    /// for. Where another program forwards, the host is not what the connection was made for.
    fn judge_host(&self, question: &Question) -> Result<(), Unread> {
        let (Some((session, hosts)), Forwarder::Us) = (self.secured, question.request.forwarder) else {
            return Ok(());
        };
        let host = hosts.chosen(Some(question.request.host.name()));
        if host.policy().is_that_of(session) {
            return Ok(());
        }
        let about = format!(
            "the connection was made for {}, which asks clients for other certificates",
            session.name.as_deref().unwrap_or("no name")
        );
        Err(Unreadable::new(UnreadableReason::Misdirected, about).into())
    }
}

fn route<'g>(gateway: &'g Gateway, question: &Question) -> Result<Option<&'g Arc<Route>>, Unreadable> {
    if question.purpose == Purpose::Whoami {
        return Ok(gateway.routes.whoami(&question.request.host));
    }
    match &question.endpoint {
        None => gateway.routes.find(&question.request),
        Some(endpoint) => {
            question
                .request
                .target
                .oddities()
                .refused_unless(countersign_core::gate::PathOddities::NONE)?;
            Ok(gateway.routes.at_endpoint(endpoint))
        }
    }
}

fn judge_head(head: &Parts) -> Result<(), Unreadable> {
    let fields = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum::<usize>();
    let target = head
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if fields + target > MAX_HEAD_BYTES {
        return Err(Unreadable::new(UnreadableReason::HeadersTooLarge, "over 32 KiB"));
    }
    let lines = head.headers.len();
    let more_cookies = || head.headers.get_all(COOKIE).iter().count().saturating_sub(1);
    if lines > MAX_HEAD_LINES && lines - more_cookies() > MAX_HEAD_LINES {
        return Err(Unreadable::new(
            UnreadableReason::HeadersTooLarge,
            "over 100 lines",
        ));
    }
    Ok(())
}
