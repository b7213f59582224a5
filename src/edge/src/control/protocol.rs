//! What is asked and answered. Names are for scripts and stay.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinspect_core::verdict::Verdict;

use super::{RecentPart, RecipeSwitch, Status};
use crate::config::Change;

/// A line that somebody writes: a wish and nothing else, since a key that is passed over might have been meant
/// to hold a pulse back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) request: Request,
}

/// What may be asked of a running station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// What is it doing?
    Status,
    /// A part lies before the sensor now: judge it.
    Trigger,
    /// Something lies before the camera now: judge it, and do nothing else with it.
    TestPart,
    /// Read the configuration again.
    Reload,
    /// The next part that comes is the challenge part.
    Challenge,
    /// Try the GPU again, by another inspect process.
    RetryEngine,
    /// Take an installed model over between two parts.
    Activate {
        /// Its whole name, or as much of it as nobody else has.
        model: String,
    },
    /// Another product comes: take its model over, and judge nothing until it is in charge.
    SelectRecipe {
        /// Its number or its name.
        recipe: String,
    },
    /// Take the model over that was before this one.
    Rollback,
    /// What became of the last parts, one by one?
    Recent,
    /// The next part that comes: what becomes of it?
    NextPart {
        /// As many parts have come so far, or nothing is said: one more would be another one than is meant.
        #[serde(default)]
        after: Option<u64>,
        /// In place of the next one the one of this number, if it has not left yet.
        #[serde(default)]
        number: Option<u64>,
    },
}

impl Request {
    /// How long the answer may take.
    pub(super) fn answer_max(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Status | Self::RetryEngine | Self::Challenge | Self::Recent => 5,
            // The camera and the engine may be brought back meanwhile.
            Self::TestPart => 15,
            // The disk may be slow.
            Self::Reload => 30,
            // The part has to go all its way, on a belt that may stand for a while.
            Self::Trigger => 60,
            // A proof, a gap between parts, a camera that is opened, and a disk.
            Self::Activate { .. } | Self::SelectRecipe { .. } | Self::Rollback => 600,
            // Somebody has to lay it on the belt.
            Self::NextPart { .. } => 600,
        })
    }
}

/// What a station answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub(crate) enum Reply {
    /// What it is doing.
    Status(Box<Status>),
    /// The part has left.
    Left(Box<LeftPart>),
    /// What lies before the camera was judged.
    Judged(Box<JudgedPart>),
    /// The configuration was read again and taken over.
    Reloaded { changes: Vec<Change> },
    /// Another inspect process is being started, which may use the GPU.
    EngineRetried,
    /// The part of this number is the challenge part.
    ChallengeMarked {
        number: u64,
        /// Which part it is, as the configuration says.
        part: String,
    },
    /// Another model judges from now on, and after a restart.
    Activated {
        model: String,
        /// From the start of its process until its model was proven.
        proof_ms: f64,
        /// From the last moment at which the process before it could judge to the first one at which this one
        /// could.
        switch_ms: f64,
    },
    /// The model of the selected recipe is in charge.
    RecipeSelected(RecipeSwitch),
    /// It is not, or no newer one of it.
    RecipeFailed {
        number: u32,
        reason: String,
        /// Whether parts are rejected until that changes.
        rejects: bool,
    },
    /// The last parts that have left, oldest first.
    Recent { parts: Vec<RecentPart> },
    /// Nothing was done.
    Refused {
        reason: String,
        /// What the command that has asked ends with, where that is not 2. A station of an earlier release does not
        /// say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<u8>,
        /// Whether all parts are rejected, as before, since the selected recipe has no model in charge.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rejects: bool,
    },
}

impl Reply {
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused {
            reason: reason.into(),
            exit_code: None,
            rejects: false,
        }
    }
}

/// A part that has left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LeftPart {
    pub(crate) number: u64,
    /// Name of a recorded part.
    pub(crate) part: Option<String>,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
    /// From capture done to verdict.
    pub(crate) took_ms: Option<f64>,
}

/// A test part that was judged, and counts for nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JudgedPart {
    /// Name of a recorded part.
    pub(crate) part: Option<String>,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
    /// From capture done to verdict.
    pub(crate) took_ms: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_as_documented() {
        let asked: Asked = serde_json::from_str("{\"request\":\"trigger\"}").unwrap();
        assert_eq!(asked.request, Request::Trigger);
        let line = "{\"request\":{\"activate\":{\"model\":\"cap\"}}}";
        let asked: Asked = serde_json::from_str(line).unwrap();
        let model = "cap".to_owned();
        assert_eq!(asked.request, Request::Activate { model });
        let no_requests = [
            "{\"request\":\"format\"}",
            "{\"request\":\"trigger\",\"test\":true}",
            "{}",
            "{\"request\":{\"activate\":{\"model\":\"cap\",\"force\":true}}}",
            "{\"request\":{\"activate\":{}}}",
            "[]",
        ];
        for no_request in no_requests {
            serde_json::from_str::<Asked>(no_request).unwrap_err();
        }
    }

    #[test]
    fn a_refusal_says_more_only_where_there_is_more_to_say() {
        let line = "{\"reply\":\"refused\",\"reason\":\"why\"}";
        let plain = Reply::refused("why");
        assert_eq!(serde_json::to_string(&plain).unwrap(), line);
        assert_eq!(serde_json::from_str::<Reply>(line).unwrap(), plain);
        let more = Reply::Refused {
            reason: "why".to_owned(),
            exit_code: Some(8),
            rejects: true,
        };
        let line = serde_json::to_string(&more).unwrap();
        assert!(
            line.contains("\"exit_code\":8") && line.contains("\"rejects\":true"),
            "{line}"
        );
        assert_eq!(serde_json::from_str::<Reply>(&line).unwrap(), more);
    }
}
