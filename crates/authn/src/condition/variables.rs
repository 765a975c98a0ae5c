//! What an expression can see: `principal`, `claims`, `request`. Only what it uses is made, once for each judgement.

use super::{Failure, MAX_ELEMENTS};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::Val;
use countersign_core::claims::{self, Claims};
use countersign_core::principal::Principal;
use countersign_core::request::OriginalRequest;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The members of `principal`.
pub(super) const PRINCIPAL_MEMBERS: [&str; 6] =
    ["issuer", "subject", "groups", "scopes", "email", "authenticator"];
/// The members of `request`.
pub(super) const REQUEST_MEMBERS: [&str; 6] = ["method", "scheme", "host", "path", "query", "client"];

/// How many bytes of text count as one more value.
const TEXT_STEP: usize = 64;

type Boxed<'v> = Box<dyn Val + 'v>;
type Members<'v> = Vec<(&'v str, Boxed<'v>)>;

/// Which members an expression uses.
#[derive(Debug, Default)]
pub(super) struct Uses {
    principal: BTreeSet<&'static str>,
    request: BTreeSet<&'static str>,
    claims: BTreeSet<Box<str>>,
    claims_at_all: bool,
    whole_claims: bool,
}

impl Uses {
    pub(super) fn member(&mut self, variable: &str, member: &'static str) {
        if variable == "principal" {
            self.principal.insert(member);
        } else {
            self.request.insert(member);
        }
    }

    pub(super) fn claim(&mut self, member: &str) {
        self.claims_at_all = true;
        self.claims.insert(member.into());
    }

    pub(super) fn all_claims(&mut self) {
        self.claims_at_all = true;
        self.whole_claims = true;
    }
}

/// The variables of one judgement, and how large they are.
#[derive(Default)]
pub(super) struct Variables<'v> {
    values: Vec<(&'static str, Boxed<'v>)>,
    /// Values in each member, itself included, by variable and member.
    sizes: BTreeMap<(&'static str, &'v str), usize>,
    /// The longest list or map.
    longest: usize,
}

impl<'v> Variables<'v> {
    /// How many values `variable.member` holds, itself included; the whole variable for an empty member.
    pub(super) fn size(&self, variable: &'static str, member: &str) -> usize {
        if member.is_empty() {
            let of_variable = self.sizes.iter().filter(|((name, _), _)| *name == variable);
            of_variable.map(|(_, size)| size).sum()
        } else {
            self.sizes.get(&(variable, member)).copied().unwrap_or(1)
        }
    }

    /// The longest list or map any of them holds.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn into_values(self) -> Vec<(&'static str, Boxed<'v>)> {
        self.values
    }

    fn add(&mut self, name: &'static str, members: Members<'v>) {
        let members = members
            .into_iter()
            .map(|(member, value)| (CelMapKey::from(member), value));
        let map = members.collect::<HashMap<_, _>>();
        self.values.push((name, Box::new(CelMap::from(map))));
    }

    fn list(&mut self, length: usize) -> Result<(), Failure> {
        self.longest = self.longest.max(length);
        if length > MAX_ELEMENTS {
            return Err(Failure::TooManyElements);
        }
        Ok(())
    }
}

/// Makes the variables that `uses` names.
pub(super) fn bind<'v>(
    uses: &'v Uses,
    principal: &'v Principal,
    request: &'v OriginalRequest,
) -> Result<Variables<'v>, Failure> {
    let mut variables = Variables::default();
    if !uses.principal.is_empty() {
        let members = principal_members(&mut variables, uses, principal)?;
        variables.add("principal", members);
    }
    if !uses.request.is_empty() {
        let mut members = Members::new();
        for member in &uses.request {
            members.extend(request_member(member, request).map(|value| (*member, value)));
            let size = 1 + request.target.as_str().len() / TEXT_STEP;
            variables.sizes.insert(("request", member), size);
        }
        variables.add("request", members);
    }
    if uses.claims_at_all {
        let members = claims_members(&mut variables, uses, &principal.claims)?;
        variables.add("claims", members);
    }
    Ok(variables)
}

/// Absent facts are absent members: asking for them is an error, and so a no.
fn principal_members<'v>(
    variables: &mut Variables<'v>,
    uses: &Uses,
    principal: &'v Principal,
) -> Result<Members<'v>, Failure> {
    let mut members = Members::new();
    for member in &uses.principal {
        let value: Option<Boxed<'v>> = match *member {
            "issuer" => Some(text(&principal.issuer)),
            "subject" => Some(text(principal.subject())),
            "authenticator" => Some(text(&principal.authenticator)),
            "email" => principal.email().map(text),
            "groups" => Some(list_of(variables, member, principal.groups())?),
            "scopes" => Some(list_of(variables, member, principal.scopes())?),
            _ => None,
        };
        members.extend(value.map(|value| (*member, value)));
    }
    Ok(members)
}

fn list_of<'v>(
    variables: &mut Variables<'v>,
    member: &'static str,
    texts: impl Iterator<Item = &'v str>,
) -> Result<Boxed<'v>, Failure> {
    let list = texts.take(MAX_ELEMENTS + 1).map(text).collect::<Vec<_>>();
    variables.list(list.len())?;
    variables.sizes.insert(("principal", member), 1 + list.len());
    Ok(Box::new(CelList::from(list)))
}

fn request_member<'v>(member: &str, request: &'v OriginalRequest) -> Option<Boxed<'v>> {
    match member {
        "method" => Some(text(request.method.as_str())),
        "scheme" => Some(text(request.scheme.as_str())),
        "host" => Some(text(request.host.name())),
        "path" => Some(text(request.target.path())),
        "query" => Some(text(request.target.query().unwrap_or(""))),
        "client" => request
            .client
            .map(|address| Box::new(CelString::from(address.to_string())) as Boxed<'v>),
        _ => None,
    }
}

fn claims_members<'v>(
    variables: &mut Variables<'v>,
    uses: &'v Uses,
    claims: &'v Claims,
) -> Result<Members<'v>, Failure> {
    let mut members = Members::new();
    for (name, value) in claims.root() {
        if uses.whole_claims || uses.claims.contains(name) {
            let mut size = 0;
            let converted = convert(variables, value, &mut size)?;
            variables.sizes.insert(("claims", name), size);
            members.push((name, converted));
        }
    }
    variables.list(members.len())?;
    Ok(members)
}

fn convert<'v>(
    variables: &mut Variables<'v>,
    value: claims::Value<'v>,
    size: &mut usize,
) -> Result<Boxed<'v>, Failure> {
    *size += 1;
    Ok(match value {
        claims::Value::Null => Box::new(CelNull),
        claims::Value::Bool(value) => Box::new(CelBool::from(value)),
        claims::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Box::new(CelInt::from(whole)),
            (None, Some(double)) => Box::new(CelDouble::from(double)),
            (None, None) => return Err(Failure::Error),
        },
        claims::Value::String(string) => {
            *size += string.len() / TEXT_STEP;
            text(string)
        }
        claims::Value::Array(items) => {
            let mut list = Vec::new();
            for item in items {
                variables.list(list.len() + 1)?;
                list.push(convert(variables, item, size)?);
            }
            Box::new(CelList::from(list))
        }
        claims::Value::Object(members) => {
            let mut map = HashMap::new();
            for (name, member) in members {
                variables.list(map.len() + 1)?;
                map.insert(CelMapKey::from(name), convert(variables, member, size)?);
            }
            Box::new(CelMap::from(map))
        }
    })
}

fn text(text: &str) -> Boxed<'_> {
    Box::new(CelString::from(text))
}
