//! What became of a certificate, for people and for programs.

use super::judge::{Anchor, Proved, Refused};
use super::shown::Shown;
use countersign_core::reason::AnswerReason;
use countersign_core::time::Timestamp;
use countersign_x509::certificate::Certificate;
use serde_json::{Value, json};
use std::path::Path;

/// The answer.
pub(super) struct Answer<'a> {
    /// The certificate, if it could be read.
    pub(super) leaf: Option<Certificate>,
    pub(super) verdict: Result<Proved, Refused>,
    /// Why revocation was no part of it; `None` when it was.
    pub(super) revocation_left: Option<&'static str>,
    /// Where the revocations are kept that count beside those of the files and URLs of the table.
    pub(super) state_folder: Option<&'a Path>,
    /// When it was judged.
    pub(super) at: Timestamp,
}

impl Answer<'_> {
    /// Line by line, the verdict first.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.verdict_line(), format!("judged at    {}", self.at)];
        let leaf = self.leaf.as_ref().and_then(Shown::new);
        lines.extend(leaf.map(|leaf| leaf.lines()).unwrap_or_default());
        if let Ok(proved) = &self.verdict {
            lines.extend(proved_lines(proved));
            lines.extend(
                proved
                    .anchor
                    .iter()
                    .flat_map(|anchor| anchor_lines(anchor, self.at)),
            );
        }
        lines.extend(self.revocation());
        lines
    }

    /// Whether it was checked. A refusal for something else may come before that.
    fn revocation(&self) -> Option<String> {
        match (self.revocation_left, &self.verdict) {
            (Some(why), _) => Some(format!("revocation   not checked: {why}")),
            (None, Ok(_)) => Some("revocation   checked".to_owned()),
            (None, Err(_)) => None,
        }
    }

    fn verdict_line(&self) -> String {
        match &self.verdict {
            Ok(proved) => {
                let by = proved.authenticator.as_ref();
                let by = by.map_or_else(String::new, |table| format!(", by {table}"));
                format!(
                    "accepted {}: {}{by}",
                    AnswerReason::Allowed.code(),
                    proved.subject
                )
            }
            Err(refused) => {
                let Refused {
                    reason,
                    detail,
                    words,
                } = refused;
                format!("refused {reason}: {detail} (nginx: FAILED:{words})")
            }
        }
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let leaf = self.leaf.as_ref().and_then(Shown::new);
        let mut told = match &self.verdict {
            Ok(proved) => json!({
                "verdict": "accepted",
                "reason": AnswerReason::Allowed.code(),
                "nginx": "SUCCESS",
                "subject": proved.subject,
                "authenticator": proved.authenticator,
                "groups": proved.groups,
                "spiffe_id": proved.spiffe_id,
                "path": proved.path,
                "holds_until": proved.holds_until.map(|until| until.to_string()),
                "anchor": proved.anchor.as_ref().map(|anchor| json!({
                    "names": anchor.names,
                    "extended_key_usages": anchor.usages,
                    "not_after": anchor.not_after.to_string(),
                })),
            }),
            Err(refused) => json!({
                "verdict": "refused",
                "reason": refused.reason,
                "detail": refused.detail,
                "nginx": format!("FAILED:{}", refused.words),
            }),
        };
        if let Value::Object(members) = &mut told {
            members.insert("at".to_owned(), self.at.to_string().into());
            let checked = self.revocation_left.is_none();
            members.insert("revocation_checked".to_owned(), checked.into());
            let folder = self.state_folder.map(|folder| folder.display().to_string());
            members.insert("state_folder".to_owned(), folder.into());
            let certificate = leaf.map_or(Value::Null, |leaf| leaf.json());
            members.insert("certificate".to_owned(), certificate);
        }
        told
    }
}

fn proved_lines(proved: &Proved) -> impl Iterator<Item = String> {
    let groups = (!proved.groups.is_empty()).then(|| format!("groups       {}", proved.groups.join(", ")));
    let id = proved.spiffe_id.as_ref();
    let path = (!proved.path.is_empty()).then(|| format!("path         {}", proved.path.join(" < ")));
    let until = proved.holds_until;
    groups
        .into_iter()
        .chain(id.map(|id| format!("SPIFFE ID    {id}")))
        .chain(path)
        .chain(until.map(|until| format!("holds until  {until}")))
}

/// What is told of an anchor, and was not judged.
fn anchor_lines(anchor: &Anchor, at: Timestamp) -> impl Iterator<Item = String> {
    let names = anchor.names.iter().map(|name| format!("also names {name}"));
    let usages = anchor.usages.join(", ");
    let usages = (!usages.is_empty()).then(|| format!("is for {usages}"));
    let end = (anchor.not_after < at).then(|| format!("ended on {}", anchor.not_after));
    let told = names.chain(usages).chain(end);
    told.map(|what| format!("its root     {what}, which counts for nothing"))
}
