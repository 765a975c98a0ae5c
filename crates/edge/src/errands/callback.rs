//! Where the provider sends browsers back to.

use super::{Done, Errand};
use crate::audit::Action;
use crate::body::Body;
use countersign_authn::login::callback::Outcome;
use countersign_authn::login::start::Start;
use countersign_core::reason::ErrandReason;
use http::Method;
use http::header::SET_COOKIE;

impl Errand<'_> {
    pub(super) async fn come_back(self, body: Body) -> Done {
        if !matches!(self.request.method, Method::GET | Method::POST) {
            return self.not_allowed("GET, POST");
        }
        let form = self.form(body).await.unwrap_or_default();
        let back = self.gateway.logins.come_back(self.request, &form, self.now).await;
        if let Some((login, record)) = back.replaced {
            self.give_back(&login, record);
        }
        let login = back.login.as_ref();
        let mut done = match back.outcome {
            Outcome::LoggedIn(to, record) => {
                if let Some(login) = login {
                    self.audit(Action::Login, login, Some(&record), "");
                }
                Done::going(to.as_str(), ErrandReason::LoggedIn, Vec::new())
            }
            Outcome::HandedOver(place) => Done::going(&place, ErrandReason::LoginReturn, Vec::new()),
            Outcome::Elsewhere(to) => Done::going(to.as_str(), ErrandReason::LoginReturn, Vec::new()),
            Outcome::Again(start) => match login {
                Some(login) => {
                    let mut demand = self.demand_at(&start.to);
                    demand.prompt = start.demand.prompt.clone().or(demand.prompt);
                    self.send_away(login, Start { demand, ..start }).await
                }
                None => Done::going("/", ErrandReason::LoginReturn, Vec::new()),
            },
            Outcome::Trouble(trouble, to) => {
                self.trouble(login, trouble, (back.wished_by.as_deref(), to.as_str()))
            }
        };
        for cookie in back.cookies {
            done.response.headers_mut().append(SET_COOKIE, cookie);
        }
        done
    }
}
