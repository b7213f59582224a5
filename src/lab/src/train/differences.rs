//! In what two runs differ, for people.

use serde_json::Value;

use crate::config::{Join, TrainingConfig};
use crate::run_folder::RunRecord;

/// Differences that are told one by one.
const TOLD_MAX: usize = 5;

/// Everything that makes `wanted` another run than the one that is there.
pub(super) fn differences(there: &RunRecord, wanted: &RunRecord) -> Vec<String> {
    let mut all = Vec::new();
    if there.data_hash != wanted.data_hash {
        all.push(format!(
            "its data are those of {} with SHA-256 {}, not {}",
            there.data.display(),
            there.data_hash,
            wanted.data_hash
        ));
    }
    if there.teacher_hash != wanted.teacher_hash {
        all.push("it has another teacher".to_owned());
    }
    if there.tool_version != wanted.tool_version {
        all.push(format!(
            "it was trained by twinspect-lab {}, not {}",
            there.tool_version, wanted.tool_version
        ));
    }
    all.extend(of_keys(&there.training, &wanted.training));
    if all.is_empty() {
        all.push("it has learnt other constants of preparation from its parts".to_owned());
    }
    if all.len() > TOLD_MAX {
        let more = all.len() - TOLD_MAX;
        all.truncate(TOLD_MAX);
        all.push(format!("and {more} more"));
    }
    all
}

/// Keys of the configuration with other values, of those that change what is learnt.
fn of_keys(there: &TrainingConfig, wanted: &TrainingConfig) -> Vec<String> {
    let value = |config: &TrainingConfig| {
        let mut value = serde_json::to_value(config).unwrap_or_default();
        // A record does not speak of a branch's only student.
        value["rgb"]["students"] = config.rgb.students.get().into();
        value["geometry"]["students"] = config.geometry.students.get().into();
        value
    };
    let mut wanted = TrainingConfig {
        threads: there.threads,
        ..wanted.clone()
    };
    if [there, &wanted]
        .iter()
        .all(|config| config.fusion.join != Join::Gate)
    {
        wanted.judge_as(there);
    }
    let mut all = Vec::new();
    compare("", &value(there), &value(&wanted), &mut all);
    all
}

fn compare(key: &str, there: &Value, wanted: &Value, all: &mut Vec<String>) {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            let mut names: Vec<&String> = there.keys().chain(wanted.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let key = match key {
                    "" => name.clone(),
                    key => format!("{key}.{name}"),
                };
                let of = |values: &serde_json::Map<String, Value>| {
                    values.get(name).cloned().unwrap_or_default()
                };
                compare(&key, &of(there), &of(wanted), all);
            }
        }
        _ if there != wanted => all.push(format!("{key} = {}, not {}", told(there), told(wanted))),
        _ => {}
    }
}

/// A value as its user typed it: numbers of the configuration have 32 bits.
fn told(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Number(number) if number.is_f64() => {
            let value = number.as_f64().unwrap_or_default();
            let short = value as f32;
            if f64::from(short) == value {
                short.to_string()
            } else {
                value.to_string()
            }
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Join;

    #[test]
    fn keys_that_differ_are_named_with_both_values() {
        let there = TrainingConfig::default();
        let mut wanted = there.clone();
        wanted.threads = there.threads + 1;
        wanted.fusion.join = Join::Average;
        assert_eq!(of_keys(&there, &wanted), Vec::<String>::new());
        wanted.seed = 7;
        wanted.rgb.learning_rate = 0.1;
        // The gate is learnt, and no other join is.
        wanted.fusion.join = Join::Gate;
        assert_eq!(
            of_keys(&there, &wanted),
            [
                r#"fusion.join = "quadrature", not "gate""#,
                "rgb.learning_rate = 0.005, not 0.1",
                "seed = 1, not 7"
            ]
        );
    }
}
