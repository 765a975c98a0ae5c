//! A session is renewed at its issuer: once, by one node, whoever asks and however many wait.
//!
//! A refresh token that rotates is worth one use. So a renewal is one errand in this process, holds the store's lease
//! across nodes, and is written over exactly the version it was made from: the new refresh token as soon as it is there, the
//! rest once it is believed. What changed meanwhile stays as it is: a renewal that ends after a logout changes nothing.

use super::cache::{Entry, HeldOff, Place};
use super::flights::{Answer, Errand, Flight, Lost, WAITS};
use super::look::Wanted;
use super::stats::count;
use super::{InForce, SessionKeeper};
use crate::audit::{Action, Audit};
use countersign_authn::session::life::{self, WrittenEnd};
use countersign_authn::session::{Found, Gone, RenewError, SessionOwner, SessionRecord};
use countersign_core::session::{LeaseToken, RecordKey, Sealed, StoreError, Version};
use countersign_core::time::{Now, Timestamp};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long one node alone may renew a session.
const LEASE: Duration = Duration::from_secs(15);
/// How often the lease is taken anew meanwhile: it must not run out while a refresh token is being spent.
const HOLDS_ON: Duration = Duration::from_secs(5);
/// How long the issuer has for new tokens, whose old one may be spent, and how long for what they prove. Nobody waits for either
/// longer than [`WAITS`].
const ISSUER_GIVES: Duration = Duration::from_secs(40);
const ISSUER_PROVES: Duration = Duration::from_secs(12);
/// How often a node looks whether another has renewed the session.
const LOOKS_AGAIN: Duration = Duration::from_millis(100);
/// New tokens that cannot be written are written again so often, so far apart: the old ones may be spent.
const WRITES_AGAIN: usize = 4;
const BETWEEN_WRITES: Duration = Duration::from_millis(500);

impl SessionKeeper {
    /// The session, renewed whether or not that is due.
    pub(super) async fn find_renewed_now(self: &Arc<Self>, wanted: &Wanted, now: Now) -> Found {
        let entry = match self.known(wanted, now).await {
            Ok(entry) => entry,
            Err(lost) => return lost.into(),
        };
        if let Some((failures, _)) = entry.waits(now) {
            return Found::Unavailable(format!("renewals failed shortly ago: {failures}"));
        }
        match self.renewal(wanted.clone(), entry, true).landed().await {
            Some(Ok(entry)) => Found::Live(Arc::clone(&entry.live)),
            Some(Err(lost)) => lost.into(),
            None => Found::Unavailable("the renewal takes too long".to_owned()),
        }
    }

    /// Begins the renewal that is due, and waits for nothing.
    pub(super) fn renew_behind(&self, name: RecordKey, entry: &Arc<Entry>, owner: &Arc<dyn SessionOwner>) {
        if let Some(keeper) = self.me.upgrade() {
            let wanted = Wanted {
                name,
                scope: entry.scope,
                owner: Arc::clone(owner),
            };
            drop(keeper.renewal(wanted, Arc::clone(entry), false));
        }
    }

    /// The renewal of the session as `seen`: the one under way, or a new one.
    pub(super) fn renewal(self: &Arc<Self>, wanted: Wanted, seen: Arc<Entry>, at_once: bool) -> Flight {
        let name = wanted.name;
        self.flights.join(name, Errand::Renew, || {
            let keeper = Arc::clone(self);
            async move { keeper.run(&wanted, &seen, at_once).await }
        })
    }

    async fn run(&self, wanted: &Wanted, seen: &Entry, at_once: bool) -> Answer {
        let in_force = self.in_force.load_full();
        let holder = self.draw_holder();
        let entry = match self.leased(&in_force, wanted, (seen, at_once), holder).await {
            Ok(entry) => entry,
            Err(answer) => return answer,
        };
        let answer = self.renewed(&in_force, wanted, entry, holder).await;
        self.give_back(&in_force, wanted.name, holder).await;
        answer
    }

    /// With the lease in hand: asks for new tokens, keeps what must not be lost, and then looks what they prove.
    async fn renewed(
        &self,
        in_force: &InForce,
        wanted: &Wanted,
        entry: Arc<Entry>,
        holder: LeaseToken,
    ) -> Answer {
        let hold = (in_force, wanted.name, holder);
        let refresh = wanted.owner.refresh(&entry.live.record, self.clock.now());
        let tokens = match holding(hold, ISSUER_GIVES, refresh).await {
            Ok(Some(tokens)) => tokens,
            Ok(None) => return Ok(entry),
            Err(error) => return self.failed(in_force, wanted, &entry, error).await,
        };
        let entry = match &tokens.refresh_token {
            None => entry,
            Some(token) => {
                let record = SessionRecord {
                    refresh_token: Some(token.clone()),
                    ..SessionRecord::clone(&entry.live.record)
                };
                let kept = self.keep(in_force, wanted, &entry, record).await?;
                let known = kept.live.record.refresh_token.as_ref();
                // Logged in anew, or renewed by another: what is there is not ours to write over.
                if known.is_none_or(|known| !known.ct_eq(token.expose().as_bytes())) {
                    return Ok(kept);
                }
                kept
            }
        };
        let proves = wanted.owner.renewed(&entry.live.record, tokens, self.clock.now());
        let answer = match holding(hold, ISSUER_PROVES, proves).await {
            Ok(record) => self.keep(in_force, wanted, &entry, record).await,
            Err(error) => return self.failed(in_force, wanted, &entry, error).await,
        };
        if answer.is_ok() {
            count(&self.counters.renewed);
        }
        answer
    }

    async fn failed(
        &self,
        in_force: &InForce,
        wanted: &Wanted,
        entry: &Arc<Entry>,
        error: RenewError,
    ) -> Answer {
        match error {
            RenewError::Refused(why) => self.refused(in_force, wanted, entry, &why).await,
            RenewError::Unavailable { why, retry_after } => {
                self.not_renewed(wanted.name, entry, (why, retry_after))
            }
        }
    }

    fn draw_holder(&self) -> LeaseToken {
        let mut token = [0; 16];
        self.entropy.fill(&mut token);
        LeaseToken(token)
    }

    /// The session as it is in the store, with the lease in hand; or what became of it while another had that.
    async fn leased(
        &self,
        in_force: &InForce,
        wanted: &Wanted,
        (seen, at_once): (&Entry, bool),
        holder: LeaseToken,
    ) -> Result<Arc<Entry>, Answer> {
        let until = Instant::now() + WAITS;
        loop {
            let leased = in_force.store.lease(&wanted.name, holder, LEASE).await;
            // Whoever had the lease before may have renewed it: this is read with the lease in hand.
            let entry = self.read(wanted).await.map_err(Err)?;
            let due = at_once || entry.is_renewal_due(self.clock.now().wall);
            // A refresh token that was kept alone is no renewal: whoever keeps it is not at its end yet.
            let renewed = entry.live.record.renewed != seen.live.record.renewed || !due;
            match leased {
                Err(error) => return Err(Err(self.store_away(&error))),
                Ok(Some(_)) if renewed => {
                    self.give_back(in_force, wanted.name, holder).await;
                    return Err(Ok(entry));
                }
                Ok(None) if renewed => return Err(Ok(entry)),
                Ok(Some(_)) => return Ok(entry),
                Ok(None) if Instant::now() < until => sleep(LOOKS_AGAIN).await,
                Ok(None) => {
                    let why = "another node has it to renew, and does not come to an end".to_owned();
                    return Err(self.not_renewed(wanted.name, &entry, (why, None)));
                }
            }
        }
    }

    /// Others need not wait for the lease to run out.
    async fn give_back(&self, in_force: &InForce, name: RecordKey, holder: LeaseToken) {
        let soon = Duration::from_millis(1);
        drop(in_force.store.lease(&name, holder, soon).await);
    }

    /// Writes what the issuer gave over what it was made from.
    async fn keep(
        &self,
        in_force: &InForce,
        wanted: &Wanted,
        entry: &Arc<Entry>,
        renewed: SessionRecord,
    ) -> Answer {
        let record = within(&entry.live.record, renewed);
        let plain = match record.to_bytes() {
            Ok(plain) => plain,
            Err(error) => return self.not_renewed(wanted.name, entry, (error.to_string(), None)),
        };
        let place = (&wanted.name, &entry.scope);
        let sealed = in_force
            .sealer
            .seal_record(place, entry.key, &plain, &*self.entropy);
        let mark = self.entries.mark(&wanted.name);
        let now = self.clock.now();
        let end = life::end(&record, now.wall);
        let version = match write(in_force, wanted.name, (&sealed, entry.version), end).await {
            Ok(version) => version,
            // Logged out, or renewed by another.
            Err(StoreError::Changed) => return self.read(wanted).await,
            Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => {
                let why = format!("it was renewed, and could not be kept: {error}");
                return self.not_renewed(wanted.name, entry, (why, None));
            }
        };
        let place = Place {
            scope: entry.scope,
            key: entry.key,
            version,
            read: now.monotonic,
            written: Some(WrittenEnd {
                at: now.monotonic,
                end,
            }),
        };
        match self.entry(Arc::new(record), place, wanted, now) {
            Ok(entry) if self.entries.put(wanted.name, mark, Arc::clone(&entry)) => Ok(entry),
            Ok(_) => self.read(wanted).await,
            Err(lost) => {
                self.entries.end(&wanted.name);
                Err(lost)
            }
        }
    }

    /// The issuer has taken it back, if what it refused is what is in the store.
    async fn refused(&self, in_force: &InForce, wanted: &Wanted, entry: &Entry, why: &str) -> Answer {
        let stored = self.read(wanted).await?;
        if stored.version != entry.version {
            return Ok(stored);
        }
        if in_force.store.remove(&wanted.name).await.is_err() {
            // It is refused again when it is asked for again.
            count(&self.counters.away);
        }
        self.entries.end(&wanted.name);
        self.counters.gone(Gone::Refused);
        self.tell_refused(&entry.live.record, why);
        Err(Lost::Gone(Gone::Refused))
    }

    fn tell_refused(&self, record: &SessionRecord, why: &str) {
        if let Some(log) = self.log.get() {
            let subject = record.subject().unwrap_or_default();
            log.audit(
                &Audit {
                    issuer: &record.issuer,
                    who: &subject,
                    login: &record.login,
                    host: &record.host,
                    detail: why,
                    ..Audit::new(Action::RefreshFailed)
                },
                self.clock.now().wall,
            );
        }
    }

    /// The session stays as it is, and is left alone for a while: for as long as its issuer asks, where it does.
    fn not_renewed(
        &self,
        name: RecordKey,
        entry: &Arc<Entry>,
        (why, asked): (String, Option<Duration>),
    ) -> Answer {
        count(&self.counters.not_renewed);
        let now = self.clock.now();
        let failures = entry.held_off.map_or(0, |held| held.failures).saturating_add(1);
        let held_off = HeldOff::after(failures, asked, now.monotonic);
        self.entries.swap(name, entry, entry.held_off(held_off));
        if let Some(log) = self.log.get() {
            let (login, meanwhile) = (&entry.live.record.login, entry.unrenewed(now.wall));
            let text = format!("{login}: a session is not renewed: {why}; {meanwhile}");
            log.event("warning", "session", &text);
        }
        Err(Lost::Unavailable(why.into()))
    }
}

/// What a renewal may not change stays: whose session it is, where it is worth something, and when it ends.
fn within(before: &SessionRecord, renewed: SessionRecord) -> SessionRecord {
    SessionRecord {
        login: before.login.clone(),
        issuer: before.issuer.clone(),
        client_id: before.client_id.clone(),
        host: before.host.clone(),
        began: before.began,
        ends: before.ends,
        idle: before.idle,
        remember: before.remember,
        sid: before.sid.clone(),
        ..renewed
    }
}

/// The end of `work`, at most so long; the lease is taken anew meanwhile.
async fn holding<T>(
    (in_force, name, holder): (&InForce, RecordKey, LeaseToken),
    most: Duration,
    work: impl Future<Output = Result<T, RenewError>>,
) -> Result<T, RenewError> {
    let mut work = pin!(work);
    let until = Instant::now() + most;
    loop {
        let next = (Instant::now() + HOLDS_ON).min(until);
        match timeout_at(next, &mut work).await {
            Ok(done) => return done,
            Err(_) if next == until => {
                let why = format!("no answer within {} s", most.as_secs());
                return Err(RenewError::Unavailable {
                    why,
                    retry_after: None,
                });
            }
            // While the store is away nobody else gets it either.
            Err(_) => drop(in_force.store.lease(&name, holder, LEASE).await),
        }
    }
}

/// Writes it, again where the store was away. A write whose answer was lost is told as changed the next time.
async fn write(
    in_force: &InForce,
    name: RecordKey,
    (sealed, over): (&Sealed, Version),
    end: Timestamp,
) -> Result<Version, StoreError> {
    for _ in 1..WRITES_AGAIN {
        let written = in_force.store.replace(&name, sealed.clone(), over, end).await;
        if !matches!(written, Err(StoreError::Unavailable(_))) {
            return written;
        }
        sleep(BETWEEN_WRITES).await;
    }
    in_force.store.replace(&name, sealed.clone(), over, end).await
}
