//! What an expression can see: `principal`, `claims`, `request`, `certificate`. Only what it uses is made, once for each judgement.

use super::{Failure, MAX_ELEMENTS, certificate};
use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::Val;
use countersign_core::claims::{self, Claims};
use countersign_core::principal::Principal;
use countersign_core::request::OriginalRequest;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The names there are. No element of a macro is called so.
pub(super) const VARIABLES: [&str; 4] = ["principal", "claims", "request", "certificate"];
/// The members of `principal`.
pub(super) const PRINCIPAL_MEMBERS: [&str; 6] =
    ["issuer", "subject", "groups", "scopes", "email", "authenticator"];
/// The members of `request`.
pub(super) const REQUEST_MEMBERS: [&str; 6] = ["method", "scheme", "host", "path", "query", "client"];

/// How many bytes of text, or of a name, count as one value: they are compared and copied that quickly.
pub(super) const TEXT_STEP: usize = 64;

/// How many values making and copying a map counts as, beside what is in it.
const MAP_STEPS: usize = 4;

pub(super) type Boxed<'v> = Box<dyn Val + 'v>;
/// Members by name, and how large each is.
pub(super) type Members<'v> = Vec<(&'v str, Boxed<'v>, Extent)>;

/// The variable and member that `node` names, when it names one.
pub(super) fn reference(node: &IdedExpr) -> Option<(&'static str, &str)> {
    let (operand, member) = member(node)?;
    let Expr::Ident(name) = &operand.expr else {
        return None;
    };
    let variable = VARIABLES.into_iter().find(|variable| variable == name)?;
    Some((variable, member))
}

/// The path of the claim that `node` names, when it names one.
pub(super) fn claim_path(node: &IdedExpr) -> Option<String> {
    if let Some(("claims", member)) = reference(node) {
        return Some(member.to_owned());
    }
    let (operand, member) = member(node)?;
    Some(format!("{}.{member}", claim_path(operand)?))
}

/// A member, and what it is of.
fn member(node: &IdedExpr) -> Option<(&IdedExpr, &str)> {
    match &node.expr {
        Expr::Select(select) => Some((&select.operand, select.field.as_str())),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [
                operand,
                IdedExpr {
                    expr: Expr::Literal(LiteralValue::String(member)),
                    ..
                },
            ] => Some((operand, member.inner())),
            _ => None,
        },
        Expr::Unspecified
        | Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::Ident(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_) => None,
    }
}

/// Which members an expression uses.
#[derive(Debug, Default)]
pub(super) struct Uses {
    principal: BTreeSet<&'static str>,
    request: BTreeSet<&'static str>,
    certificate: BTreeSet<&'static str>,
    claims: BTreeSet<Box<str>>,
    claims_at_all: bool,
    whole_claims: bool,
}

impl Uses {
    pub(super) fn member(&mut self, variable: &str, member: &'static str) {
        match variable {
            "principal" => self.principal.insert(member),
            "certificate" => self.certificate.insert(member),
            _ => self.request.insert(member),
        };
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
    extents: BTreeMap<(&'static str, &'v str), Extent>,
}

/// How large a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// How many values it holds, itself included; text and names count by their length.
    pub(super) size: usize,
    /// How many elements it has, should it be a list or map.
    pub(super) length: usize,
}

impl Extent {
    pub(super) const fn text(bytes: usize) -> Self {
        Self {
            size: 1 + bytes / TEXT_STEP,
            length: 0,
        }
    }
}

impl<'v> Variables<'v> {
    /// How large `variable.member` is; the whole variable for an empty member.
    pub(super) fn extent(&self, variable: &'static str, member: &str) -> Extent {
        let absent = Extent { size: 1, length: 0 };
        if !member.is_empty() {
            return self.extents.get(&(variable, member)).copied().unwrap_or(absent);
        }
        let of_variable = self.extents.iter().filter(|((name, _), _)| *name == variable);
        of_variable.fold(absent, |whole, ((_, member), extent)| Extent {
            size: whole.size + 1 + member.len() / TEXT_STEP + extent.size,
            length: whole.length + 1,
        })
    }

    /// How many values there are in all.
    pub(super) fn total(&self) -> usize {
        self.extents.values().map(|extent| extent.size).sum()
    }

    pub(super) fn into_values(self) -> Vec<(&'static str, Boxed<'v>)> {
        self.values
    }

    fn add(&mut self, name: &'static str, members: Members<'v>) {
        let members = members.into_iter().map(|(member, value, extent)| {
            self.extents.insert((name, member), extent);
            (CelMapKey::from(member), value)
        });
        let map = members.collect::<HashMap<_, _>>();
        self.values.push((name, Box::new(CelMap::from(map))));
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
        variables.add("principal", principal_members(uses, principal)?);
    }
    if !uses.request.is_empty() {
        let members = uses.request.iter().copied();
        let members = members.filter_map(|member| request_member(member, request));
        variables.add("request", members.collect());
    }
    if !uses.certificate.is_empty() {
        let used = uses.certificate.iter().copied();
        let verdict = &request.certificate.verdict;
        variables.add("certificate", certificate::members(used, verdict)?);
    }
    if uses.claims_at_all {
        variables.add("claims", claims_members(uses, &principal.claims)?);
    }
    Ok(variables)
}

/// Absent facts are absent members: asking for them is an error, and so a no.
fn principal_members<'v>(uses: &Uses, principal: &'v Principal) -> Result<Members<'v>, Failure> {
    let mut members = Members::new();
    for member in &uses.principal {
        let text = match *member {
            "issuer" => Some(&*principal.issuer),
            "subject" => Some(principal.subject()),
            "authenticator" => Some(&*principal.authenticator),
            "email" => principal.email(),
            "groups" => {
                members.push(list_of(member, principal.groups())?);
                None
            }
            "scopes" => {
                members.push(list_of(member, principal.scopes())?);
                None
            }
            _ => None,
        };
        members.extend(text.map(|value| (*member, boxed(value), Extent::text(value.len()))));
    }
    Ok(members)
}

pub(super) fn list_of<'v, T: Into<Cow<'v, str>>>(
    member: &'static str,
    texts: impl Iterator<Item = T>,
) -> Result<(&'v str, Boxed<'v>, Extent), Failure> {
    let mut extent = Extent { size: 1, length: 0 };
    let mut list = Vec::new();
    for text in texts {
        let text = text.into();
        extent.add(Extent::text(text.len()).size)?;
        list.push(match text {
            Cow::Borrowed(text) => boxed(text),
            Cow::Owned(text) => Box::new(CelString::from(text)),
        });
    }
    Ok((member, Box::new(CelList::from(list)), extent))
}

fn request_member<'v>(
    member: &'static str,
    request: &'v OriginalRequest,
) -> Option<(&'v str, Boxed<'v>, Extent)> {
    let text = match member {
        "method" => request.method.as_str(),
        "scheme" => request.scheme.as_str(),
        "host" => request.host.name(),
        "path" => request.target.path(),
        "query" => request.target.query().unwrap_or(""),
        "client" => {
            return Some(owned(member, request.client?.to_string()));
        }
        _ => return None,
    };
    Some((member, boxed(text), Extent::text(text.len())))
}

fn claims_members<'v>(uses: &'v Uses, claims: &'v Claims) -> Result<Members<'v>, Failure> {
    let mut members = Members::new();
    for (name, value) in claims.root() {
        if uses.whole_claims || uses.claims.contains(name) {
            let (converted, extent) = convert(value)?;
            members.push((name, converted, extent));
        }
        if members.len() > MAX_ELEMENTS {
            return Err(Failure::TooManyElements);
        }
    }
    Ok(members)
}

fn convert(value: claims::Value<'_>) -> Result<(Boxed<'_>, Extent), Failure> {
    let mut extent = Extent { size: 1, length: 0 };
    let converted: Boxed<'_> = match value {
        claims::Value::Null => Box::new(CelNull),
        claims::Value::Bool(value) => Box::new(CelBool::from(value)),
        claims::Value::Number(number) => {
            extent = Extent::text(number.as_str().len());
            match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Box::new(CelInt::from(whole)),
                (None, Some(double)) => Box::new(CelDouble::from(double)),
                (None, None) => return Err(Failure::Error),
            }
        }
        claims::Value::String(string) => {
            extent = Extent::text(string.len());
            boxed(string)
        }
        claims::Value::Array(items) => {
            let mut list = Vec::new();
            for item in items {
                let (item, own) = convert(item)?;
                extent.add(own.size)?;
                list.push(item);
            }
            Box::new(CelList::from(list))
        }
        claims::Value::Object(members) => {
            extent.size = MAP_STEPS;
            let mut map = HashMap::new();
            for (name, member) in members {
                let (member, own) = convert(member)?;
                extent.add(Extent::text(name.len()).size + own.size)?;
                map.insert(CelMapKey::from(name), member);
            }
            Box::new(CelMap::from(map))
        }
    };
    Ok((converted, extent))
}

impl Extent {
    /// One more element of this size.
    fn add(&mut self, size: usize) -> Result<(), Failure> {
        self.size += size;
        self.length += 1;
        if self.length > MAX_ELEMENTS {
            return Err(Failure::TooManyElements);
        }
        Ok(())
    }
}

/// A text that stands nowhere else.
pub(super) fn owned<'v>(member: &'static str, text: String) -> (&'v str, Boxed<'v>, Extent) {
    let extent = Extent::text(text.len());
    (member, Box::new(CelString::from(text)), extent)
}

pub(super) fn boxed(text: &str) -> Boxed<'_> {
    Box::new(CelString::from(text))
}
