//! What an expression compares with texts: what a certificate says is compared to the letter, so that a text that none can
//! have is a mistake.

use super::certificate::spelling;
use super::variables::claim_path;
use crate::client_certificate::Misspelled;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

/// The paths of claims that `call` compares, each with the text; who made them, and how, is not known here. Fails with the
/// place of a text beside what a certificate says, where none says it so.
pub(super) fn compared(call: &CallExpr) -> Result<Vec<(String, String)>, (u64, Misspelled)> {
    let operators = [operators::EQUALS, operators::NOT_EQUALS, operators::IN];
    let mut found = Vec::new();
    let [one, other] = call.args.as_slice() else {
        return Ok(found);
    };
    if !operators.contains(&call.func_name.as_str()) {
        return Ok(found);
    }
    for (said, with) in [(one, other), (other, one)] {
        let (spelling, path) = (spelling(said), claim_path(said));
        for (id, text) in texts(with) {
            if let Some(Err(wrong)) = spelling.map(|spelling| spelling.judge(text)) {
                return Err((id, wrong));
            }
            found.extend(path.clone().map(|path| (path, text.to_owned())));
        }
    }
    Ok(found)
}

/// The texts that stand in `node`, itself one or a list of them.
fn texts(node: &IdedExpr) -> impl Iterator<Item = (u64, &str)> {
    let all = if let Expr::List(list) = &node.expr {
        list.elements.as_slice()
    } else {
        std::slice::from_ref(node)
    };
    all.iter().filter_map(|node| {
        if let Expr::Literal(LiteralValue::String(text)) = &node.expr {
            Some((node.id, text.inner()))
        } else {
            None
        }
    })
}
