//! A browser that goes where it is sent, and logs in on the way.

use super::browser::{self, MAX_HOPS};
use super::expect::Observed;
use super::plan::Plan;
use super::provider;
use super::question::{ClientRequest, Face};
use super::run::Course;
use crate::op::Sent;
use bytes::Bytes;
use countersign_core::certificate::PresentedCertificate;
use http::Response;
use std::sync::Arc;

impl Course<'_> {
    /// Goes where it is sent, until it stays somewhere; logs in on the way where the plan says who.
    pub(super) async fn browse(
        &mut self,
        name: &str,
        request: ClientRequest,
        plan: &Plan,
    ) -> Result<Observed, String> {
        let mut browser = self.browsers.remove(name).unwrap_or_default();
        let mut request = request;
        let (mut hops, mut log) = (Vec::new(), Vec::new());
        let mut observed = loop {
            browser.dress(&mut request);
            let mut observed = self.exchange(&request, plan).await?;
            log.append(&mut observed.log);
            browser.keep(&request.host, &observed)?;
            let there = browser::sent_to(&request, &observed)?;
            let Some(there) = there.filter(|_| plan.login.is_some() && hops.len() < MAX_HOPS) else {
                break observed;
            };
            hops.push(there.clone());
            if let Some(kept) = plan.hold_code.as_ref().filter(|_| there.contains("&handoff=")) {
                drop(self.held.insert(kept.clone(), there));
                break observed;
            }
            if let Some(kept) = plan.hold.as_ref().filter(|_| self.is_at_provider(&request)) {
                drop(self.held.insert(kept.clone(), there));
                break observed;
            }
            let person = plan.login.as_deref().unwrap_or("");
            request = match self.world.network.visit(&there, person) {
                None => browser::going(&there, None)?,
                Some(sent) => {
                    let (back, form) = match sent? {
                        Sent::To(url) => (url, None),
                        Sent::Form(url, form) => (url, Some(form)),
                        Sent::Nowhere => break observed,
                    };
                    hops.push(back.clone());
                    if let Some(kept) = &plan.hold {
                        drop(self.held.insert(kept.clone(), back));
                        break observed;
                    }
                    browser::going(&back, form)?
                }
            };
            request.certificate = self.shown(plan, &request.host)?;
        };
        if name != "fresh" {
            drop(self.browsers.insert(name.to_owned(), browser));
        }
        observed.hops = hops;
        observed.log = log;
        Ok(observed)
    }

    /// A request with what came before in it: ways back from providers, and what was caught.
    pub(super) fn filled_in(&self, request: &str) -> String {
        let held = self.held.iter().fold(request.to_owned(), |text, (name, url)| {
            text.replace(&format!("<{name}>"), url)
        });
        self.caught.fill_in(&held)
    }

    /// Lets time go by between two of the same request, and does what is due.
    pub(super) async fn wait(&self, plan: &Plan, count: u32) {
        let (Some(every), Some(gateway)) = (plan.every, &self.gateway) else {
            return;
        };
        if count > 1 {
            self.world.clock.step(every);
            gateway.tick().await;
        }
    }

    /// Whether a request is for a page of the gateway's own.
    pub(super) fn is_own(&self, request: &ClientRequest) -> bool {
        let path = request.target.split('?').next().unwrap_or("");
        let moved = ["callback", "logout"].iter().any(|key| {
            let mut lines = self.config.lines().filter_map(|line| line.split_once('='));
            lines.any(|(own, value)| own.trim() == *key && value.trim() == format!("\"{path}\""))
        });
        let discovery = self.is_at_provider(request) && path == "/.well-known/openid-configuration";
        moved || discovery || path.starts_with("/.countersign/")
    }

    /// Whether it goes to the gateway's own provider.
    pub(super) fn is_at_provider(&self, request: &ClientRequest) -> bool {
        provider::hosts(&self.config).any(|host| host == request.host)
    }

    /// The certificate of the client: `None` where nobody asks for one, and nothing in it where the client has none. Where
    /// there is a provider, a browser shows it to hosts that ask.
    pub(super) fn shown(&self, plan: &Plan, host: &str) -> Result<Option<Vec<Vec<u8>>>, String> {
        let asked = plan.browser.is_none()
            || provider::issuer(&self.config).is_none()
            || provider::asks(&self.config, host);
        match &plan.certificate {
            _ if plan.raw || !self.config.contains("[certificate.") => Ok(None),
            None => Ok(Some(Vec::new())),
            Some(_) if !asked => Ok(Some(Vec::new())),
            Some(name) => {
                let (name, only) = name.split_once('@').unwrap_or((name, host));
                let chain = self.certificates.get(name);
                let chain = chain.ok_or_else(|| format!("no certificate is called `{name}`"))?;
                Ok(Some(if only == host { chain.clone() } else { Vec::new() }))
            }
        }
    }

    /// Whether the gateway is the proxy and speaks TLS with the client.
    pub(super) fn is_secured(&self, request: &ClientRequest, plan: &Plan) -> bool {
        let speaks = self.face == Face::ReverseProxy && self.config.contains("[[listen.host]]");
        speaks && request.scheme == "https" && !plan.raw
    }

    /// Sends the request over TLS: what the client shows, the listener sees for itself.
    pub(super) async fn ask_secured(
        &self,
        request: &ClientRequest,
        plan: &Plan,
    ) -> Result<Response<Bytes>, String> {
        let gateway = self.gateway.as_ref().ok_or("nothing runs yet")?;
        let chain = request.certificate.clone().unwrap_or_default();
        let mut peer = plan.peer(self.face)?;
        if !chain.is_empty() {
            let presented = PresentedCertificate::new(chain).ok_or("no chain of certificates")?;
            peer.certificate = Some(Arc::new(presented));
        }
        let plain = ClientRequest {
            certificate: None,
            ..request.clone()
        };
        let question = plain.ask(self.face, &plan.client)?;
        let name = request.host.split(':').next().unwrap_or(&request.host);
        Ok(gateway.ask_secured(self.face, name, question, peer).await)
    }
}
