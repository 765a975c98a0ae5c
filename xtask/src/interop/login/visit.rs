//! What a person does at a site, step by step.

use super::Provider;
use super::browser::{Browser, Shown};
use crate::Failure;
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long something that happens by itself is waited for.
const DEADLINE: Duration = Duration::from_secs(90);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// One login, from the form to the end of the session, and again.
pub(super) struct Visit<'a> {
    pub(super) provider: &'a dyn Provider,
    pub(super) name: &'a str,
    /// The origin of the site.
    pub(super) url: String,
    /// The path that logs out.
    pub(super) logout: &'static str,
    /// Whether it is told of logouts behind the browser's back.
    pub(super) tells: bool,
}

pub(super) type Step = for<'a> fn(&Visit<'a>, &mut Browser) -> Result<String, Failure>;

impl Visit<'_> {
    /// Its steps, in order.
    pub(super) const STEPS: [(&'static str, Step); 6] = [
        ("log in", |visit, browser| visit.logs_in(browser)),
        ("renew now", |visit, browser| visit.is_renewed_now(browser)),
        ("renew before the end", |visit, browser| {
            visit.is_renewed_by_itself(browser)
        }),
        ("log out", |visit, browser| visit.logs_out(browser)),
        ("session ended there", |visit, browser| visit.is_ended(browser)),
        ("user disabled there", |visit, browser| visit.is_disabled(browser)),
    ];

    pub(super) fn page(&self) -> String {
        format!("{}/page?a=b&c=%2F", self.url)
    }

    /// Whether the browser is at the provider's.
    fn is_there(&self, shown: &Shown) -> Result<(), Failure> {
        let there = shown.url.starts_with(&self.provider.form()) && shown.status == 200;
        there
            .then_some(())
            .ok_or_else(|| format!("not at the provider's form: {}", shown.place()).into())
    }

    /// Whether the browser shows the application's page.
    fn is_here(&self, shown: &Shown) -> Result<(), Failure> {
        let here = shown.url == self.page() && shown.told("X-Auth-Subject").is_some();
        here.then_some(())
            .ok_or_else(|| format!("not at the application: {}", shown.place()).into())
    }

    fn signs_in(&self, browser: &mut Browser) -> Result<Shown, Failure> {
        let form = browser.go(&self.page())?;
        self.is_there(&form)?;
        let back = self.provider.sign_in(browser, &self.page())?;
        self.is_here(&back)?;
        Ok(back)
    }

    fn logs_in(&self, browser: &mut Browser) -> Result<String, Failure> {
        let page = self.signs_in(browser)?;
        let session = browser.fetch("GET", "/.countersign/session")?;
        if session.get("authenticated") != Some(&Value::Bool(true)) {
            return Err(format!("`session` says {session}").into());
        }
        let told = ["X-Auth-Username", "X-Auth-Email", "X-Auth-Groups"]
            .map(|name| page.told(name).unwrap_or("nothing").to_owned());
        Ok(format!(
            "back at the page; the application is told {}",
            told.join(", ")
        ))
    }

    /// What the page's script finds when it has the session renewed: whether there is one still.
    fn renews(browser: &mut Browser) -> Result<bool, Failure> {
        let session = browser.fetch("POST", "/.countersign/renew")?;
        let known = session.get("authenticated").and_then(Value::as_bool);
        known.ok_or_else(|| format!("`renew` says {session}").into())
    }

    /// What tells one access token from another: the application's header, or beside nginx how long it holds.
    fn token(page: &Shown) -> Option<String> {
        page.told("X-Access-Token").map(str::to_owned)
    }

    fn is_renewed_now(&self, browser: &mut Browser) -> Result<String, Failure> {
        let before = Self::token(&browser.go(&self.page())?);
        if !Self::renews(browser)? {
            return Err("`renew` ended the session".into());
        }
        let page = browser.go(&self.page())?;
        self.is_here(&page)?;
        match (before, Self::token(&page)) {
            (Some(before), Some(after)) if before == after => Err("the same access token".into()),
            (Some(_), Some(_)) => Ok("another access token".to_owned()),
            (_, None) | (None, _) => Ok("still logged in".to_owned()),
        }
    }

    fn is_renewed_by_itself(&self, browser: &mut Browser) -> Result<String, Failure> {
        let page = browser.go(&self.page())?;
        let Some(before) = Self::token(&page).filter(|_| self.provider.is_short_lived()) else {
            return Ok("not waited for".to_owned());
        };
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            let page = browser.go(&self.page())?;
            self.is_here(&page)?;
            match Self::token(&page) {
                None => return Err("no access token".into()),
                Some(now) if now != before => {
                    return Ok(format!(
                        "another access token after {} s",
                        begun.elapsed().as_secs()
                    ));
                }
                Some(_) => std::thread::park_timeout(PAUSE),
            }
        }
        Err("the same access token for too long".into())
    }

    fn logs_out(&self, browser: &mut Browser) -> Result<String, Failure> {
        browser.go(&self.page())?;
        let (until, words) = if self.provider.leads_back() {
            (format!("{}/bye", self.url), "`after_logout`")
        } else {
            (self.provider.form(), "the provider's own page")
        };
        let bye = browser.follow(self.logout, &until)?;
        if bye.status != 200 {
            return Err(bye.place().into());
        }
        let form = browser.go(&self.page())?;
        self.is_there(&form)?;
        Ok(format!("through the provider to {words}; then its form again"))
    }

    fn is_ended(&self, browser: &mut Browser) -> Result<String, Failure> {
        let Some(administrators) = self.provider.administrators() else {
            return Ok("there is no such thing".to_owned());
        };
        self.signs_in(browser)?;
        administrators.end_sessions()?;
        if self.tells {
            let begun = Instant::now();
            loop {
                let page = browser.go(&self.page())?;
                if self.is_here(&page).is_err() {
                    self.is_there(&page)?;
                    return Ok(format!(
                        "back-channel logout: gone at once ({} ms)",
                        begun.elapsed().as_millis()
                    ));
                }
                if begun.elapsed() > Duration::from_secs(2) {
                    return Err("still logged in after 2 s".into());
                }
                std::thread::park_timeout(PAUSE / 10);
            }
        }
        let page = browser.go(&self.page())?;
        self.is_here(&page)?;
        if Self::renews(browser)? {
            return Err("still logged in after a renewal".into());
        }
        let form = browser.go(&self.page())?;
        self.is_there(&form)?;
        Ok("no back-channel: gone at the next renewal".to_owned())
    }

    fn is_disabled(&self, browser: &mut Browser) -> Result<String, Failure> {
        let Some(administrators) = self.provider.administrators() else {
            return Ok("there is no such thing".to_owned());
        };
        self.signs_in(browser)?;
        if !administrators.enable(false)? {
            return Ok("there is no such thing".to_owned());
        }
        let known = Self::renews(browser);
        administrators.enable(true)?;
        if known? {
            return Err("still logged in after a renewal".into());
        }
        Ok("gone at the next renewal".to_owned())
    }
}
