//! Header fields that tell about the original request: each exactly once, each within bounds.

use super::{Purpose, ReadContext, Unread};
use countersign_core::gate::{Host, Target, Unreadable};
use countersign_core::own_path::is_own;
use countersign_core::reason::UnreadableReason;
use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::ops::Deref;

/// The value of `name`, which must occur exactly once; it is taken out.
pub(super) fn take_one(headers: &mut HeaderMap, name: &HeaderName) -> Result<Field, Unreadable> {
    let Entry::Occupied(entry) = headers.entry(name) else {
        return Err(Unreadable::new(UnreadableReason::HeaderMissing, name.as_str()));
    };
    if entry.iter().nth(1).is_some() {
        return Err(Unreadable::new(UnreadableReason::HeaderDoubled, name.as_str()));
    }
    let value = entry.remove();
    if value.to_str().is_err() {
        return Err(Unreadable::new(UnreadableReason::HeaderMalformed, name.as_str()));
    }
    Ok(Field(value))
}

/// The values of `names`, each of which must occur exactly once. They stay where they are: the request goes nowhere from
/// here.
pub(super) fn each_once<'h, const N: usize>(
    headers: &'h HeaderMap,
    names: &[HeaderName; N],
) -> Result<[&'h str; N], Unreadable> {
    let about = |reason, name: &HeaderName| Unreadable::new(reason, name.as_str());
    let mut found = [None; N];
    for (name, value) in headers {
        for (wanted, place) in names.iter().zip(&mut found) {
            if wanted == name && place.replace(value).is_some() {
                return Err(about(UnreadableReason::HeaderDoubled, name));
            }
        }
    }
    let mut values = [""; N];
    for ((name, value), text) in names.iter().zip(found).zip(&mut values) {
        let value = value.ok_or_else(|| about(UnreadableReason::HeaderMissing, name))?;
        *text = value
            .to_str()
            .map_err(|_| about(UnreadableReason::HeaderMalformed, name))?;
    }
    Ok(values)
}

/// A header's value that is visible ASCII: the text is not copied.
#[derive(Debug)]
pub(super) struct Field(HeaderValue);

impl Deref for Field {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.to_str().unwrap_or("")
    }
}

/// Refuses a head that has one of `names` more than once.
pub(super) fn refuse_doubled(headers: &HeaderMap, names: &[HeaderName]) -> Result<(), Unreadable> {
    match names
        .iter()
        .find(|name| headers.get_all(*name).iter().nth(1).is_some())
    {
        None => Ok(()),
        Some(name) => Err(Unreadable::new(UnreadableReason::HeaderDoubled, name.as_str())),
    }
}

/// The lines of `name` as text; they are taken out. `None` when one of them is no text.
pub(super) fn take_lines(headers: &mut HeaderMap, name: &HeaderName) -> Option<Vec<String>> {
    let lines = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().map(str::to_owned).ok())
        .collect();
    headers.remove(name);
    lines
}

/// Judges a target that another program forwards, and that is not ours.
pub(super) fn guarded_target(text: &str) -> Result<Target, Unread> {
    let target = Target::judge(text)?;
    if is_own(target.path()) {
        return Err(Unreadable::new(UnreadableReason::OwnPath, "the original path").into());
    }
    Ok(target)
}

/// Judges the target of a request for a page of ours on `host`, which a proxy passed on to `path` here.
pub(super) fn own_page(
    text: &str,
    path: &str,
    host: &Host,
    context: &ReadContext<'_>,
) -> Result<(Target, Purpose), Unread> {
    let target = Target::judge(text)?;
    if target.path() != path {
        return Err(Unread::NotFound);
    }
    match context.routes.own_page(host, path) {
        Some(page) => Ok((target, Purpose::of(page))),
        None => Err(Unread::NotFound),
    }
}
