//! Of which certificates a list speaks (RFC 5280 section 5.2.5).

use super::CrlError;
use crate::certificate::Certificate;
use crate::der::{self, Reader, constructed, context};

const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
/// The most distribution points of a certificate, and names of one, that are compared.
const MAX_POINTS: usize = 64;

/// Every certificate of the issuer, unless it is narrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// The names (general names, DER) of the distribution point whose certificates it is about.
    points: Option<Box<[Box<[u8]>]>>,
    /// Only certificates that are no authority's.
    users: bool,
    /// Only certificates of authorities.
    authorities: bool,
}

impl Scope {
    /// Reads an `IssuingDistributionPoint`.
    pub(super) fn read(value: &[u8]) -> Result<Self, CrlError> {
        let broken = || CrlError::Extensions;
        let mut reader = Reader::whole(value, der::SEQUENCE).ok_or_else(broken)?;
        let point = reader.optional(constructed(0)).ok_or_else(broken)?;
        let users = flag(&mut reader, 1).ok_or_else(broken)?;
        let authorities = flag(&mut reader, 2).ok_or_else(broken)?;
        let some_reasons = reader.optional(context(3)).ok_or_else(broken)?;
        let indirect = flag(&mut reader, 4).ok_or_else(broken)?;
        let attributes = flag(&mut reader, 5).ok_or_else(broken)?;
        reader.end().ok_or_else(broken)?;
        if indirect {
            return Err(CrlError::Indirect);
        }
        if some_reasons.is_some() {
            return Err(CrlError::SomeReasons);
        }
        if attributes {
            return Err(CrlError::AttributeCertificates);
        }
        if users && authorities {
            return Err(broken());
        }
        let points = match point {
            None => None,
            Some(name) => Some(full_names(name).ok_or_else(broken)?),
        };
        Ok(Self {
            points,
            users,
            authorities,
        })
    }

    /// Whether every certificate that `other` covers is covered by this one, too.
    pub(super) fn includes(&self, other: &Self) -> bool {
        let kinds = (!self.users || other.users) && (!self.authorities || other.authorities);
        kinds
            && match (&self.points, &other.points) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(own), Some(others)) => others.iter().all(|point| own.contains(point)),
            }
    }

    /// Whether a list of this scope would hold `certificate` if it were revoked.
    pub(super) fn covers(&self, certificate: &Certificate) -> bool {
        let kind = if certificate.is_ca() {
            !self.users
        } else {
            !self.authorities
        };
        kind && match &self.points {
            None => true,
            Some(points) => {
                let extension = certificate.extension(CRL_DISTRIBUTION_POINTS);
                extension.is_some_and(|value| any_point(value, points).unwrap_or(false))
            }
        }
    }
}

/// A BOOLEAN with a tag of its own that need not be there when it is false.
fn flag(reader: &mut Reader<'_>, number: u8) -> Option<bool> {
    match reader.optional(context(number))? {
        None | Some([0]) => Some(false),
        Some([0xff]) => Some(true),
        Some(_) => None,
    }
}

/// The names of `DistributionPointName ::= CHOICE { fullName [0] GeneralNames, … }`. A name relative to the issuer's is
/// not taken: none is in use.
fn full_names(choice: &[u8]) -> Option<Box<[Box<[u8]>]>> {
    let mut reader = Reader::new(choice);
    let mut names = Reader::new(reader.expect(constructed(0))?);
    reader.end()?;
    let mut found = Vec::new();
    while !names.is_empty() || found.is_empty() {
        found.push(Box::from(names.any()?.whole));
        if found.len() > MAX_POINTS {
            return None;
        }
    }
    Some(found.into())
}

/// Whether any distribution point of a certificate, not only its first, has one of `names`. Points for some reasons only
/// and of other issuers say nothing about a list for all reasons by the certificate's issuer.
fn any_point(extension: &[u8], names: &[Box<[u8]>]) -> Option<bool> {
    let mut points = Reader::whole(extension, der::SEQUENCE)?;
    let mut found = false;
    for _ in 0..MAX_POINTS {
        if points.is_empty() {
            break;
        }
        let mut point = Reader::new(points.expect(der::SEQUENCE)?);
        let name = point.optional(constructed(0))?;
        let reasons = point.optional(context(1))?;
        let other_issuer = point.optional(constructed(2))?;
        point.end()?;
        let Some(name) = name else { continue };
        let whole = reasons.is_none() && other_issuer.is_none();
        let named = full_names(name).is_some_and(|full| full.iter().any(|name| names.contains(name)));
        found |= whole && named;
    }
    Some(found)
}
