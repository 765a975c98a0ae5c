//! One request behind one face, as its client, the proxy in front and the application see it.

use super::expect::Observed;
use super::observe::{doubled, forwarded, observe};
use super::page::Ask;
use super::plan::Plan;
use super::provider;
use super::question::{ClientRequest, Face};
use super::run::Course;
use countersign_core::peer::Peer;

impl Course<'_> {
    /// Sends the request behind this face, and tells what its client, the application and the operator see.
    pub(super) async fn exchange(&self, request: &ClientRequest, plan: &Plan) -> Result<Observed, String> {
        let gateway = self.gateway.as_ref().ok_or("nothing runs yet")?;
        let own =
            !plan.raw && self.is_own(request) && (plan.browser.is_some() || self.is_at_provider(request));
        if self.is_secured(request, plan) {
            let response = self.ask_secured(request, plan).await?;
            let mut observed = observe(&response, gateway.take_log());
            observed.seen = self.upstream.take();
            return Ok(observed);
        }
        let peer = if request.certificate.is_some() && self.face == Face::ReverseProxy {
            Peer::unix()
        } else {
            plan.peer(self.face)?
        };
        let question = if plan.raw {
            request.ask(Face::Check, &plan.client)?
        } else if own {
            request.ask_own(self.face, &plan.client)?
        } else {
            request.ask(self.face, &plan.client)?
        };
        let response = gateway.ask(self.face, question, peer.clone()).await;
        let mut observed = observe(&response, gateway.take_log());
        if self.face == Face::ReverseProxy {
            observed.seen = self.upstream.take();
            return Ok(observed);
        }
        if own {
            return Ok(observed);
        }
        if let Some(name) = doubled(&observed.headers) {
            return Err(format!("{name} occurs twice, and nginx would keep one"));
        }
        // The client's own request for one of our pages is passed on to us, and no question.
        if request.target.starts_with("/.countersign/whoami") {
            return Ok(observed);
        }
        if observed.status == 200 {
            observed.seen.push(forwarded(request, &response));
        } else if self.face == Face::AuthRequest && !plan.raw {
            return self.read_the_answer(request, plan, peer, observed).await;
        }
        Ok(observed)
    }

    /// What nginx does with a refusal: asks again at `/.countersign/answer`, and gives its client what comes.
    async fn read_the_answer(
        &self,
        request: &ClientRequest,
        plan: &Plan,
        peer: Peer,
        first: Observed,
    ) -> Result<Observed, String> {
        let gateway = self.gateway.as_ref().ok_or("nothing runs yet")?;
        if !first.body.is_empty() {
            return Err("the answer to a sub-request has a body".into());
        }
        let mut question = request.as_nginx_asks(&plan.client, "/.countersign/answer")?;
        for (name, value) in &first.headers {
            if name == "x-countersign-refusal" {
                let value = http::HeaderValue::from_bytes(value).map_err(|error| error.to_string())?;
                question.headers_mut().insert("x-countersign-refusal", value);
            }
        }
        let response = gateway.ask(self.face, question, peer).await;
        let second = observe(&response, gateway.take_log());
        let to_sub_request = match second.status {
            303 | 401 => 401,
            503 => 503,
            _ => 403,
        };
        if first.status != to_sub_request {
            let (first, second) = (first.status, second.status);
            return Err(format!("nginx was told {first}, and the client {second}"));
        }
        if first.reason != second.reason && !second.reason.is_empty() {
            return Err(format!(
                "nginx was told {}, and the client {}",
                first.reason, second.reason
            ));
        }
        Ok(Observed {
            reason: first.reason,
            log: [first.log, second.log].concat(),
            ..second
        })
    }

    /// What applications were told of logouts, and by which answer: those that this very gateway guards are told in earnest.
    pub(super) async fn tell_of_logouts(&self) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        for told in self.world.network.take_told() {
            let mut answer = String::new();
            let form = "Content-Type: application/x-www-form-urlencoded";
            let request = ClientRequest::parse(&format!("POST {}\n{form}\n\n{}", told.url, told.form))?;
            if provider::guards(&self.config, &request.host) {
                let ask = Ask {
                    attributes: vec![("browser".into(), "fresh".into())],
                    request: String::new(),
                    answer: Vec::new(),
                };
                let observed = self.exchange(&request, &Plan::read(&ask, &self.world)?).await?;
                answer = format!(" {} {}", observed.status, observed.reason);
            }
            lines.push(format!("{told}{answer}"));
        }
        Ok(lines)
    }
}
