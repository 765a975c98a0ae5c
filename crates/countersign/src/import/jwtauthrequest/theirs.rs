//! Their JSON, as Go reads it: member names without regard to case, `null` for what is not there.

use super::{Remark, Verdict};
use countersign_core::claims::{Members, Value};
use countersign_core::secret::Secret;
use countersign_jose::json::parse_object;

/// What their configuration says.
#[derive(Debug, Default)]
pub(super) struct Theirs {
    pub(super) listen_port: Option<String>,
    pub(super) clients: Vec<Client>,
    /// What in it is not understood: each a whole sentence.
    pub(super) faults: Vec<String>,
    /// Members that are no option known here.
    pub(super) unknown: Vec<Remark>,
}

/// One of their validation profiles.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// What it is called in the report.
    pub(super) label: String,
    /// Whether that is its `name`.
    pub(super) has_name: bool,
    pub(super) endpoints: Vec<String>,
    pub(super) required_claims: Vec<String>,
    pub(super) allowed_algo: Vec<String>,
    pub(super) token_name: Option<String>,
    pub(super) trim_prefix: Option<String>,
    pub(super) audience: Vec<String>,
    pub(super) hmac: Option<Secret<Vec<u8>>>,
    pub(super) issuer: Option<String>,
    /// Whether `debug` is there at all.
    pub(super) has_debug: bool,
}

/// One object, its members taken out one by one, so that what is left is unknown.
struct Object<'a> {
    members: Vec<(&'a str, Value<'a>)>,
    /// The client whose object it is.
    client: Option<String>,
}

impl Theirs {
    /// Reads `json`. Fails when it is no such configuration at all, or could be read in two ways.
    pub(super) fn read(json: &[u8]) -> Result<Self, String> {
        let document = parse_object(json).map_err(|error| error.to_string())?;
        let mut theirs = Self::default();
        let mut top = Object::of(document.root(), None)?;
        theirs.listen_port = top.text("listen-port", &mut theirs.faults);
        let clients = top.take("clients").and_then(Value::as_array);
        for (index, client) in clients.ok_or("there is no array `clients`")?.enumerate() {
            let members = client.as_object().ok_or("a client is no object")?;
            let client = theirs.client(members, index + 1)?;
            theirs.clients.push(client);
        }
        top.leave(&mut theirs.unknown);
        Ok(theirs)
    }

    fn client(&mut self, members: Members<'_>, number: usize) -> Result<Client, String> {
        let mut own = Object::of(members, Some(format!("client {number}")))?;
        let name = own.text("name", &mut self.faults);
        let has_name = name.is_some();
        let label = name.unwrap_or_else(|| format!("client {number}"));
        own.client = Some(label.clone());
        let faults = &mut self.faults;
        let client = Client {
            endpoints: own.texts("endpoints", faults),
            required_claims: own.texts("required-claims", faults),
            allowed_algo: own.texts("allowed-algo", faults),
            token_name: own.text("token-name", faults),
            trim_prefix: own.text("trim-prefix", faults),
            audience: own.texts("audience", faults),
            hmac: own
                .text("hmac", faults)
                .map(|secret| Secret::new(secret.into_bytes())),
            issuer: own.text("issuer", faults),
            has_debug: own.take("debug").is_some(),
            label,
            has_name,
        };
        own.leave(&mut self.unknown);
        Ok(client)
    }
}

impl<'a> Object<'a> {
    /// Fails when two members are one option in two spellings: which of them counts is nobody's to guess.
    fn of(members: Members<'a>, client: Option<String>) -> Result<Self, String> {
        let object = Self {
            members: members.collect(),
            client,
        };
        for (index, (name, _)) in object.members.iter().enumerate() {
            let mut before = object.members.iter().take(index);
            if let Some((first, _)) = before.find(|(other, _)| other.eq_ignore_ascii_case(name)) {
                let whose = object.whose();
                return Err(format!("{whose}`{first}` and `{name}` are the same option"));
            }
        }
        Ok(object)
    }

    /// What stands before a name in a sentence.
    fn whose(&self) -> String {
        let client = self.client.as_ref();
        client.map_or_else(String::new, |client| format!("{client}: "))
    }

    fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let at = self
            .members
            .iter()
            .position(|(key, _)| key.eq_ignore_ascii_case(name))?;
        let (_, value) = self.members.swap_remove(at);
        (!matches!(value, Value::Null)).then_some(value)
    }

    /// The string `name`. An empty one is none, as in Go.
    fn text(&mut self, name: &str, faults: &mut Vec<String>) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text.to_owned()).filter(|text| !text.is_empty()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                faults.push(format!("{}`{name}` is no string", self.whose()));
                None
            }
        }
    }

    /// The strings of the array `name`, each once.
    fn texts(&mut self, name: &str, faults: &mut Vec<String>) -> Vec<String> {
        let Some(value) = self.take(name) else {
            return Vec::new();
        };
        let items = value
            .as_array()
            .map(|items| items.map(Value::as_str).collect::<Option<Vec<_>>>());
        let Some(Some(items)) = items else {
            faults.push(format!("{}`{name}` is no array of strings", self.whose()));
            return Vec::new();
        };
        let mut texts: Vec<String> = Vec::new();
        for item in items {
            if item.is_empty() {
                faults.push(format!("{}`{name}` holds an empty string", self.whose()));
            } else if !texts.iter().any(|text| text == item) {
                texts.push(item.to_owned());
            }
        }
        texts
    }

    /// What nobody took.
    fn leave(self, unknown: &mut Vec<Remark>) {
        let names = self.members.iter().map(|(name, _)| name);
        unknown.extend(names.map(|name| Remark {
            verdict: Verdict::Unknown,
            client: self.client.clone(),
            option: Some((*name).to_owned()),
            what: "no option known here; it was left out".to_owned(),
        }));
    }
}
