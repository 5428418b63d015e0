//! Making a failing case small enough to read.

use agent_os_core::value::Value;

use crate::case::Request;

/// A document and a request.
#[derive(Clone, Debug)]
pub struct Case {
    /// The normalised document.
    pub document: Value,
    /// The request.
    pub request: Request,
}

/// Takes parts away for as long as the case still fails.
#[must_use]
pub fn shrink(case: Case, fails: &dyn Fn(&Case) -> bool) -> Case {
    let mut smallest = case;
    while let Some(smaller) = candidates(&smallest).into_iter().find(|candidate| fails(candidate)) {
        smallest = smaller;
    }
    smallest
}

fn candidates(case: &Case) -> Vec<Case> {
    let mut found: Vec<Case> =
        smaller(&case.document).into_iter().map(|document| Case { document, request: case.request.clone() }).collect();
    let request = &case.request;
    let mut requests: Vec<Request> = Vec::new();
    requests.extend(smaller(&request.args).into_iter().filter(is_map).map(|args| Request { args, ..request.clone() }));
    requests.extend(without_one(&request.texts).map(|texts| Request { texts, ..request.clone() }));
    requests.extend(without_one(&request.labels).map(|labels| Request { labels, ..request.clone() }));
    requests.extend(without_one(&request.roles).map(|roles| Request { roles, ..request.clone() }));
    requests.extend(without_one(&request.approved).map(|approved| Request { approved, ..request.clone() }));
    requests.extend(request.parent.is_some().then(|| Request { parent: None, ..request.clone() }));
    requests.extend(without_one(&request.usage).map(|usage| Request { usage, ..request.clone() }));
    requests.extend((request.calls > 0).then(|| Request { calls: 0, ..request.clone() }));
    requests.extend((request.depth > 0).then(|| Request { depth: 0, ..request.clone() }));
    requests.extend((request.now_micros > 0).then(|| Request { now_micros: 0, ..request.clone() }));
    found.extend(requests.into_iter().map(|request| Case { document: case.document.clone(), request }));
    found
}

/// Every value with one part less, or with a part put in the place of the whole.
fn smaller(value: &Value) -> Vec<Value> {
    match value {
        Value::Map(entries) => {
            let mut found: Vec<Value> = entries.values().flat_map(parts_of).collect();
            for (key, part) in entries {
                let mut without = entries.clone();
                without.remove(key);
                found.push(Value::Map(without));
                found.extend(smaller(part).into_iter().map(|part| {
                    let mut with = entries.clone();
                    with.insert(key.clone(), part);
                    Value::Map(with)
                }));
            }
            found
        }
        Value::List(items) => {
            let mut found: Vec<Value> = without_one(items).map(Value::List).collect();
            for (place, item) in items.iter().enumerate() {
                found.extend(smaller(item).into_iter().map(|item| {
                    let mut with = items.clone();
                    with.splice(place..=place, [item]);
                    Value::List(with)
                }));
            }
            found
        }
        _ => Vec::new(),
    }
}

/// What may stand for the condition that holds it: `{"not": X}` becomes X, `{"all": [X, Y]}` X or Y.
fn parts_of(part: &Value) -> Vec<Value> {
    match part {
        Value::Map(_) => vec![part.clone()],
        Value::List(items) => items.iter().filter(|item| is_map(item)).cloned().collect(),
        _ => Vec::new(),
    }
}

fn without_one<T: Clone>(items: &[T]) -> impl Iterator<Item = Vec<T>> {
    (0..items.len()).map(|place| {
        let mut rest = items.to_vec();
        rest.remove(place);
        rest
    })
}

fn is_map(value: &Value) -> bool {
    matches!(value, Value::Map(_))
}
