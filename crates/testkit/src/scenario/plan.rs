//! What the info line of a request says: who asks, with which token, behind which face, when.

use super::certificates::{Certificates, thumbprints};
use super::page::Ask;
use super::question::{ClientRequest, Face};
use crate::clock::span;
use crate::tokens::{CHANGES, Token};
use crate::world::World;
use countersign_core::peer::Peer;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

/// Tokens that were made on this page, by person and changes: the same words mean the same token, and signing takes time.
pub(super) type Minted = BTreeMap<(String, String), String>;

/// The address clients have unless a page says otherwise.
const CLIENT: &str = "203.0.113.9";

/// The attributes of a request, read.
pub(super) struct Plan {
    pub(super) faces: Vec<Face>,
    pub(super) at: Option<String>,
    /// How much time goes by between two of the same request.
    pub(super) every: Option<Duration>,
    pub(super) raw: bool,
    peer: Option<String>,
    pub(super) client: String,
    pub(super) times: u32,
    pub(super) certificate: Option<String>,
    pub(super) issuers: Vec<(String, String)>,
    /// The browser that asks, and who logs in with it where it is sent to a provider.
    pub(super) browser: Option<String>,
    pub(super) login: Option<String>,
    /// Under which name the way back from the provider is kept, instead of being gone.
    pub(super) hold: Option<String>,
    /// The same of the way back from another host of ours, with a code.
    pub(super) hold_code: Option<String>,
    /// Under which name what the answer holds is kept for later requests.
    pub(super) catch: Option<String>,
    /// Tokens by the placeholder that stands for them, with what is changed about each.
    tokens: BTreeMap<String, (String, Vec<(String, String)>)>,
}

impl Plan {
    pub(super) fn read(ask: &Ask, world: &World) -> Result<Self, String> {
        let mut plan = Self {
            faces: Vec::new(),
            at: None,
            every: None,
            raw: false,
            peer: None,
            client: CLIENT.to_owned(),
            times: 1,
            certificate: None,
            issuers: Vec::new(),
            browser: None,
            login: None,
            hold: None,
            hold_code: None,
            catch: None,
            tokens: BTreeMap::new(),
        };
        for (name, value) in &ask.attributes {
            let (bare, count) =
                name.split_at(name.trim_end_matches(|last: char| last.is_ascii_digit()).len());
            match bare {
                "face" => plan.faces = faces(value)?,
                "at" => plan.at = Some(value.clone()),
                "every" => plan.every = u64::try_from(span(value)?).ok().map(Duration::from_millis),
                "raw" => plan.raw = true,
                "peer" => plan.peer = Some(value.clone()),
                "client" => value.clone_into(&mut plan.client),
                "times" => plan.times = value.parse().map_err(|_| format!("`{value}` is no number"))?,
                "browser" => plan.browser = Some(value.clone()),
                "login" => plan.login = Some(value.clone()),
                "follow" => plan.login = Some(String::new()),
                "hold" => plan.hold = Some(value.clone()),
                "catch" => plan.catch = Some(value.clone()),
                "hold-code" => plan.hold_code = Some(value.clone()),
                "certificate" => plan.certificate = Some(value.clone()).filter(|name| name != "none"),
                "token" => drop(
                    plan.tokens
                        .insert(format!("token{count}"), (value.clone(), Vec::new())),
                ),
                _ if CHANGES.contains(&bare) => {
                    let token = plan.tokens.get_mut(&format!("token{count}"));
                    token
                        .ok_or(format!("`{name}` before a token"))?
                        .1
                        .push((bare.to_owned(), value.clone()));
                }
                _ if world.network.knows(bare) => plan.issuers.push((bare.to_owned(), value.clone())),
                _ => return Err(format!("a request has no `{name}`")),
            }
        }
        // What signs comes first, for it brings a key id and an algorithm that other attributes may change.
        for (_, changes) in plan.tokens.values_mut() {
            let signs = ["iss", "key", "alg"];
            changes.sort_by_key(|(what, _)| signs.iter().position(|own| own == what).unwrap_or(signs.len()));
        }
        Ok(plan)
    }

    pub(super) fn peer(&self, face: Face) -> Result<Peer, String> {
        let address = |text: &str| {
            text.parse()
                .map(Peer::at)
                .map_err(|_| format!("`{text}` is no address"))
        };
        match (self.peer.as_deref(), face) {
            (Some("unix"), _) | (None, Face::AuthRequest | Face::ForwardAuth | Face::Check) => {
                Ok(Peer::unix())
            }
            (Some(text), _) => address(text),
            (None, Face::ReverseProxy) => address(&self.client),
        }
    }

    /// The request, its placeholders filled in, and the tokens in it.
    pub(super) fn request(
        &self,
        text: &str,
        count: u32,
        certificates: &Certificates,
        minted: &mut Minted,
    ) -> Result<(ClientRequest, Vec<String>), String> {
        let count = count.to_string();
        let mut text = text.replace("<n>", &count);
        let mut tokens = Vec::new();
        let mut bearer = None;
        for (placeholder, (person, changes)) in &self.tokens {
            let changes = changes
                .iter()
                .map(|(what, value)| (what.clone(), thumbprints(value, certificates)))
                .collect::<Vec<_>>();
            let changes = changes.as_slice();
            let token = match minted.entry((person.clone(), changes_of(changes, &count))) {
                Entry::Occupied(minted) => minted.get().clone(),
                Entry::Vacant(unminted) => unminted.insert(mint(person, changes, &count)?).clone(),
            };
            let mark = format!("<{placeholder}>");
            if text.contains(&mark) {
                text = text.replace(&mark, &token);
            } else if placeholder == "token" && !text.contains("Authorization:") {
                bearer = Some(format!("Bearer {token}").into_bytes());
            }
            tokens.push(token);
        }
        let mut request = ClientRequest::parse(&text)?;
        if let Some(value) = bearer {
            request.headers.push(("Authorization".to_owned(), value));
        }
        Ok((request, tokens))
    }
}

fn faces(text: &str) -> Result<Vec<Face>, String> {
    if text == "all" {
        return Ok(Vec::new());
    }
    let face = |name: &str| {
        Face::ALL
            .into_iter()
            .find(|face| face.name() == name)
            .ok_or(format!("there is no face `{name}`"))
    };
    text.split(',').map(face).collect()
}

fn changes_of(changes: &[(String, String)], count: &str) -> String {
    format!("{changes:?}").replace("<n>", count)
}

fn mint(person: &str, changes: &[(String, String)], count: &str) -> Result<String, String> {
    if person == "garbage" {
        return Ok("not-a-token".to_owned());
    }
    let mut token = Token::of(person).ok_or(format!("nobody is called `{person}`"))?;
    for (what, value) in changes {
        token.change(what, &value.replace("<n>", count))?;
    }
    Ok(token.compact())
}
