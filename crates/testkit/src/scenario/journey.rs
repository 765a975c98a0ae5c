//! A browser that goes where it is sent, and logs in on the way.

use super::browser::{self, MAX_HOPS};
use super::expect::Observed;
use super::plan::Plan;
use super::question::ClientRequest;
use super::run::Course;
use crate::op::Sent;

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
            request.certificate = self.shown(plan)?;
        };
        if name != "fresh" {
            drop(self.browsers.insert(name.to_owned(), browser));
        }
        observed.hops = hops;
        observed.log = log;
        Ok(observed)
    }

    /// Whether a request is for a page of the gateway's own.
    pub(super) fn is_own(&self, request: &ClientRequest) -> bool {
        let path = request.target.split('?').next().unwrap_or("");
        let moved = ["callback", "logout"].iter().any(|key| {
            let mut lines = self.config.lines().filter_map(|line| line.split_once('='));
            lines.any(|(own, value)| own.trim() == *key && value.trim() == format!("\"{path}\""))
        });
        moved || path.starts_with("/.countersign/")
    }

    /// Whether a request is for a page of the gateway's own OpenID Provider: programs ask for them, too.
    pub(super) fn is_of_provider(&self, request: &ClientRequest) -> bool {
        let own = self.config.split("[openid_provider]").nth(1).unwrap_or("");
        let mut lines = own.lines().filter_map(|line| line.split_once('='));
        let issuer = lines.find(|(key, _)| key.trim() == "issuer");
        let issuer = issuer.map_or("", |(_, value)| value.trim().trim_matches('"'));
        let path = request.target.split('?').next().unwrap_or("");
        let is_page = path.starts_with("/.countersign/") || path == "/.well-known/openid-configuration";
        is_page && issuer == format!("{}://{}", request.scheme, request.host)
    }
}
