//! Sessions begin and end.

use super::ages::Age;
use super::look::open;
use super::stats::{EndedBy, count};
use super::under_way::has_ended;
use super::{InForce, SessionKeeper};
use countersign_authn::session::seal::Sealer;
use countersign_authn::session::{LiveSession, Scope, SessionGroup, SessionId, SessionRecord, life};
use countersign_core::claims::Value;
use countersign_core::session::{IndexKey, Listed, Page, RecordKey, StoreError};
use countersign_core::time::{Now, Timestamp};

/// How many names are asked for at once.
const PAGE: u32 = 256;
/// How many sessions of one subject are looked at when a new one begins.
const MOST_OF_ONE: usize = 1024;
/// How many sessions of one subject are left to end by themselves: as many as logins are under way in one browser.
const MOST_LEAVING: usize = 32;
/// A session that changes while it is left is left again, so often at most.
const LEFT_AGAIN: usize = 3;

impl SessionKeeper {
    pub(super) async fn begin_one(
        &self,
        mut record: SessionRecord,
        scope: Scope,
        instead_of: Option<RecordKey>,
        now: Now,
    ) -> Result<(SessionId, Timestamp), StoreError> {
        let in_force = self.in_force.load_full();
        let settings = in_force.settings;
        record.idle = record.idle.min(settings.idle);
        record.ends = record.ends.min(now.wall.plus(settings.absolute));
        let plain = record
            .to_bytes()
            .map_err(|error| StoreError::Full(error.to_string()))?;
        let id = SessionId::draw(&*self.entropy);
        let name = id.record(&scope);
        let key = in_force.sealer.first();
        let sealed = in_force
            .sealer
            .seal_record((&name, &scope), key, &plain, &*self.entropy);
        let subject = record.subject();
        let issuer = &*record.issuer;
        let group = subject
            .as_deref()
            .map(|subject| SessionGroup::Subject { issuer, subject });
        let groups = [
            group,
            record.sid.as_deref().map(|sid| SessionGroup::Sid { issuer, sid }),
        ];
        let index = groups
            .into_iter()
            .flatten()
            .filter_map(|group| in_force.sealer.index_under(key, group))
            .collect::<Vec<_>>();
        let ends = life::end(&record, now.wall);
        let apart = [Some(name), instead_of];
        let create = || in_force.store.create(&name, sealed.clone(), ends, &index);
        match (create().await, group) {
            // Whoever has as many as there may be replaces one's own.
            (Err(full @ StoreError::Full(_)), Some(group)) => {
                if !self.make_room(&in_force, group, apart, now).await? {
                    return Err(full);
                }
                create().await?;
            }
            (created, _) => drop(created?),
        }
        let ended = has_ended(&in_force, &index, record.began, now.wall).await;
        if ended != Ok(false) {
            // Nobody has its id.
            drop(in_force.store.remove(&name).await);
            return Err(ended.err().unwrap_or(StoreError::Changed));
        }
        count(&self.counters.begun);
        // The session has begun. That there are too many of them is mended with the next.
        if let Some(group) = group
            && self.make_room(&in_force, group, apart, now).await.is_err()
        {
            count(&self.counters.away);
        }
        Ok((id, record.ends))
    }

    /// Ends the oldest of `group` while there are too many of them beside the new one, which is `apart` with the one that
    /// it takes the place of. Those that are about to end take nobody's place. Says whether any had to end.
    async fn make_room(
        &self,
        in_force: &InForce,
        group: SessionGroup<'_>,
        apart: [Option<RecordKey>; 2],
        now: Now,
    ) -> Result<bool, StoreError> {
        let mut found = Vec::new();
        for index in in_force.sealer.indexes(group) {
            found.extend(listed(in_force, Some(index), MOST_OF_ONE).await?);
        }
        found.retain(|one| !apart.contains(&Some(one.id)));
        let beside = in_force.settings.per_subject.saturating_sub(1);
        if found.len() <= beside {
            return Ok(false);
        }
        let (mut staying, mut leaving) = (Vec::new(), Vec::new());
        for one in found {
            let read = |sealed: &_| open(in_force, one.id, sealed).map(|(_, record)| Age::of(&record));
            let age = in_force.age(one, now.wall, read).await?;
            let kind = if age.is_leaving(now.wall) {
                &mut leaving
            } else {
                &mut staying
            };
            kind.push((age.began, one.id));
        }
        let mut has_room = false;
        for (mut by_age, most) in [(staying, beside), (leaving, MOST_LEAVING)] {
            by_age.sort_unstable();
            let too_many = by_age.len().saturating_sub(most);
            for (_, name) in by_age.into_iter().take(too_many) {
                in_force.store.remove(&name).await?;
                has_room = true;
                self.entries.end(&name);
                self.flights.forget(name);
                self.counters.ended(EndedBy::TooMany, 1);
            }
        }
        Ok(has_room)
    }

    /// The session ends at `ends` at the latest. Whoever renews it meanwhile is asked to once more.
    pub(super) async fn leave_one(
        &self,
        name: RecordKey,
        scope: Scope,
        ends: Timestamp,
        now: Now,
    ) -> Result<(), StoreError> {
        let in_force = self.in_force.load_full();
        for _ in 0..LEFT_AGAIN {
            let Some((sealed, version)) = in_force.store.load(&name, now.wall).await? else {
                return Ok(());
            };
            let opened = open(&in_force, name, &sealed);
            let Some((opened, mut record)) = opened.filter(|(opened, _)| opened.scope == scope) else {
                return Ok(());
            };
            record.ends = record.ends.min(ends);
            let plain = record
                .to_bytes()
                .map_err(|error| StoreError::Full(error.to_string()))?;
            let place = (&name, &scope);
            let sealed = in_force
                .sealer
                .seal_record(place, opened.key, &plain, &*self.entropy);
            let end = life::end(&record, now.wall);
            match in_force.store.replace(&name, sealed, version, end).await {
                // Nobody finds it in memory as it was.
                Ok(_) => {
                    self.entries.end(&name);
                    return Ok(());
                }
                Err(StoreError::Changed) => {}
                Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => return Err(error),
            }
        }
        Err(StoreError::Changed)
    }

    pub(super) async fn end_one(
        &self,
        name: RecordKey,
        scope: Scope,
        now: Now,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let in_force = self.in_force.load_full();
        let taken = in_force.store.take(&name, now.wall).await;
        // Whatever the store says: nobody finds it in memory any more.
        self.entries.end(&name);
        self.flights.forget(name);
        let Some(sealed) = taken? else { return Ok(None) };
        self.counters.ended(EndedBy::Logout, 1);
        let opened = open(&in_force, name, &sealed).filter(|(opened, _)| opened.scope == scope);
        Ok(opened.map(|(_, record)| record))
    }

    pub(super) async fn end_group(&self, group: SessionGroup<'_>) -> Result<u64, StoreError> {
        let in_force = self.in_force.load_full();
        let ended = match group {
            // What a provider keeps is no session: nobody has it in memory.
            SessionGroup::Provided { .. } => return end_indexed(&in_force, group).await,
            SessionGroup::Subject { .. } | SessionGroup::Sid { .. } => end_indexed(&in_force, group).await,
            SessionGroup::All => end_everything(&in_force, self.clock.now().wall).await,
        };
        self.entries.end_where(|live| is_of(live, group));
        self.flights.forget_all();
        let ended = ended?;
        self.counters.ended(EndedBy::Revoked, ended);
        Ok(ended)
    }

    /// Ends the session of this name.
    pub(super) async fn end_named(&self, name: RecordKey) -> Result<bool, StoreError> {
        let ended = self.in_force.load_full().store.remove(&name).await;
        self.entries.end(&name);
        self.flights.forget(name);
        let ended = ended?;
        self.counters.ended(EndedBy::Revoked, u64::from(ended));
        Ok(ended)
    }
}

async fn end_indexed(in_force: &InForce, group: SessionGroup<'_>) -> Result<u64, StoreError> {
    let mut ended = 0;
    for index in in_force.sealer.indexes(group) {
        ended += in_force.store.remove_all(&index).await?;
    }
    Ok(ended)
}

/// What is kept beside the sessions stays: a logout token that was taken once is not taken again.
async fn end_everything(in_force: &InForce, now: Timestamp) -> Result<u64, StoreError> {
    let (mut ended, mut after) = (0, None);
    loop {
        let page = Page { after, limit: PAGE };
        let names = in_force.store.list(None, page).await?;
        let Some(last) = names.last() else {
            return Ok(ended);
        };
        after = Some(last.id);
        for Listed { id: name, .. } in names {
            let stored = in_force.store.load(&name, now).await?;
            if stored.is_some_and(|(sealed, _)| Sealer::is_record(&sealed)) {
                ended += u64::from(in_force.store.remove(&name).await?);
            }
        }
    }
}

/// What is found by `index`, or everything; `most` or a few more.
pub(super) async fn listed(
    in_force: &InForce,
    index: Option<IndexKey>,
    most: usize,
) -> Result<Vec<Listed>, StoreError> {
    let mut found = Vec::new();
    let mut after = None;
    while found.len() < most {
        let page = Page { after, limit: PAGE };
        let more = in_force.store.list(index.as_ref(), page).await?;
        let Some(last) = more.last() else { break };
        after = Some(last.id);
        found.extend(more);
    }
    Ok(found)
}

fn is_of(live: &LiveSession, group: SessionGroup<'_>) -> bool {
    let record = &live.record;
    match group {
        SessionGroup::Subject { issuer, subject } => {
            let own = live.principal.claims.member("sub").and_then(Value::as_str);
            *record.issuer == *issuer
                && (own == Some(subject) || record.subject().as_deref() == Some(subject))
        }
        SessionGroup::Sid { issuer, sid } => *record.issuer == *issuer && record.sid.as_deref() == Some(sid),
        // What a provider keeps is no session.
        SessionGroup::Provided { .. } => false,
        SessionGroup::All => true,
    }
}
