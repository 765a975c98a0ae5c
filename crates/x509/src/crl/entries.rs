//! The entries of a list, read.

use super::CrlError;
use super::serials::Serials;
use crate::certificate::{Extension, all_extensions};
use crate::der::{self, Reader};

const REASON_CODE: &[u8] = &[0x55, 0x1d, 0x15];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 0x1d];
/// `removeFromCRL` as an ENUMERATED: on hold no more.
const REMOVE_FROM_CRL: &[u8] = &[0x0a, 1, 8];

/// The list of entries: its content, and where in the bytes of the list it ends.
pub(super) struct Entries<'a> {
    pub(super) content: &'a [u8],
    pub(super) end: usize,
}

/// The serial numbers of `entries`, which are part of `der`.
pub(super) fn serials(der: &[u8], entries: &Entries<'_>, version_2: bool) -> Result<Serials, CrlError> {
    let mut reader = Reader::new(entries.content);
    let mut places = Vec::new();
    let mut position = 0;
    while !reader.is_empty() {
        let error = || CrlError::Entry(position);
        let entry = reader.element(der::SEQUENCE).ok_or_else(error)?;
        let from = entries.end - reader.remaining() - entry.content.len();
        if entry_revokes(entry.content, version_2).ok_or_else(error)?? {
            places.push(u32::try_from(from).map_err(|_| CrlError::TooLarge)?);
        }
        position += 1;
    }
    Ok(Serials::new(der, &places))
}

/// Whether an entry revokes its certificate: `removeFromCRL` says that it no longer does. `None` when it cannot be read.
fn entry_revokes(entry: &[u8], version_2: bool) -> Option<Result<bool, CrlError>> {
    let mut reader = Reader::new(entry);
    reader.integer()?;
    reader.time()?;
    if reader.is_empty() {
        return Some(Ok(true));
    }
    if !version_2 {
        return None;
    }
    let mut revokes = true;
    let extensions = reader.element(der::SEQUENCE)?;
    reader.end()?;
    for Extension { oid, critical, value } in all_extensions(extensions.whole)? {
        match oid {
            REASON_CODE => revokes = value != REMOVE_FROM_CRL,
            CERTIFICATE_ISSUER => return Some(Err(CrlError::Indirect)),
            oid if critical => {
                let dots = der::dotted(oid)?;
                return Some(Err(CrlError::CriticalExtension(dots.into())));
            }
            _ => {}
        }
    }
    Some(Ok(revokes))
}
