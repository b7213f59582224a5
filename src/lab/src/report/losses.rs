//! `losses.csv` of a run, branch by branch.

use std::path::Path;

use super::ReportError;
use crate::run_folder::StudentId;

/// How many pieces a curve is drawn in.
const PIECES: usize = 240;
/// Share of a course that a smoothed value is the mean of, to either side.
const SMOOTHING: f64 = 0.02;

/// One branch's losses.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Course {
    /// The branch as the file calls it.
    pub(super) branch: String,
    /// Steps in the file.
    pub(super) steps: u64,
    /// Step and loss.
    pub(super) losses: Vec<(f64, f64)>,
}

/// What is wrong with a file of losses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BrokenLosses {
    /// A line, from 1, that is not the next step of its branch.
    #[error("line {0} is not the next step of its branch")]
    Line(usize),
    /// Other bytes than those of a text.
    #[error("it is no text")]
    NoText,
    /// The file was cut.
    #[error("it ends within a line")]
    Cut,
    /// A student whose last steps are absent, or one that had fewer.
    #[error("it has {found} steps of {student}, which was trained in {expected}")]
    Steps {
        /// The student.
        student: String,
        /// Steps in the file.
        found: u64,
        /// Steps of its training.
        expected: u64,
    },
    /// A student that was trained and has no losses.
    #[error("it lacks the losses of {0}")]
    Lacks(String),
}

/// Reads the file of a run with these students and as many steps of each, where that is known; nothing if there is none.
/// Branches come in the file's order.
pub(super) fn read(
    path: &Path,
    students: impl Iterator<Item = (StudentId, Option<u64>)>,
) -> Result<Vec<Course>, ReportError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = fs_err::read(path).map_err(|source| ReportError::Page {
        action: "reading",
        path: path.to_owned(),
        source,
    })?;
    let whole = || {
        let text = std::str::from_utf8(&bytes)
            .ok()
            .ok_or(BrokenLosses::NoText)?;
        let courses = parse(text)?;
        for (student, steps) in students {
            let student = student.to_string();
            let Some(course) = courses.iter().find(|course| course.branch == student) else {
                return Err(BrokenLosses::Lacks(student));
            };
            let found = course.steps;
            if let Some(expected) = steps.filter(|expected| *expected != found) {
                return Err(BrokenLosses::Steps {
                    student,
                    found,
                    expected,
                });
            }
        }
        Ok(courses)
    };
    whole().map_err(|source| ReportError::Losses {
        path: path.to_owned(),
        source,
    })
}

/// The courses; steps of each count from 1.
fn parse(text: &str) -> Result<Vec<Course>, BrokenLosses> {
    let mut courses: Vec<Course> = Vec::new();
    for (index, line) in text.lines().enumerate().skip(1) {
        let broken = || BrokenLosses::Line(index + 1);
        let fields: Vec<&str> = line.split(',').collect();
        let [branch, step, loss] = fields[..] else {
            return Err(broken());
        };
        let (Ok(step), Ok(loss)) = (step.parse::<u64>(), loss.parse::<f64>()) else {
            return Err(broken());
        };
        let known = courses.iter().position(|course| course.branch == branch);
        let place = known.unwrap_or_else(|| {
            courses.push(Course {
                branch: branch.to_owned(),
                steps: 0,
                losses: Vec::new(),
            });
            courses.len() - 1
        });
        if step != courses[place].steps + 1 || loss.is_nan() {
            return Err(broken());
        }
        courses[place].steps = step;
        // A loss that overflowed is no point of a curve.
        if loss.is_finite() {
            courses[place].losses.push((step as f64, loss));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(BrokenLosses::Cut);
    }
    Ok(courses)
}

impl Course {
    /// What the branch learns, for people.
    pub(super) fn name(&self) -> &str {
        match self.branch.as_str() {
            "rgb" => "colour",
            "geometry" => "height",
            other => other,
        }
    }

    /// Least and largest loss of each piece.
    pub(super) fn spread(&self) -> Vec<(f64, [f64; 2])> {
        let piece = self.losses.len().div_ceil(PIECES).max(1);
        let losses = self.losses.chunks(piece);
        losses
            .map(|piece| {
                let step = piece.iter().map(|(step, _)| step).sum::<f64>() / piece.len() as f64;
                let low = piece
                    .iter()
                    .map(|(_, loss)| *loss)
                    .fold(f64::INFINITY, f64::min);
                let high = piece
                    .iter()
                    .map(|(_, loss)| *loss)
                    .fold(f64::NEG_INFINITY, f64::max);
                (step, [low, high])
            })
            .collect()
    }

    /// Steps to either side that a smoothed value is the mean of.
    pub(super) fn reach(&self) -> usize {
        (SMOOTHING * self.losses.len() as f64).ceil() as usize
    }

    /// Means over neighbouring steps, as many as the curve has pieces.
    pub(super) fn smoothed(&self) -> Vec<[f64; 2]> {
        let (count, reach) = (self.losses.len(), self.reach());
        let stride = count.div_ceil(PIECES).max(1);
        let last = count.saturating_sub(1);
        let mut places: Vec<usize> = (0..count).step_by(stride).collect();
        places.extend((places.last() != Some(&last) && count > 0).then_some(last));
        let mean = |place: usize| {
            let near = &self.losses[place.saturating_sub(reach)..(place + reach + 1).min(count)];
            near.iter().map(|(_, loss)| loss).sum::<f64>() / near.len() as f64
        };
        places
            .into_iter()
            .map(|place| [self.losses[place].0, mean(place)])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::modality::Modality;

    use super::*;

    #[test]
    fn branches_are_told_apart_and_keep_their_order() {
        let text = "branch,step,loss\nrgb,1,3.5\nrgb,2,-1\ngeometry,1,9\nrgb,3,inf\n";
        let courses = parse(text).unwrap();
        assert_eq!(courses.len(), 2);
        assert_eq!(courses[0].losses, [(1.0, 3.5), (2.0, -1.0)]);
        assert_eq!((courses[0].name(), courses[1].name()), ("colour", "height"));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for (lines, broken) in [
            ("rgb,1,3\nrgb,2\n", BrokenLosses::Line(3)),
            ("rgb,one,3\n", BrokenLosses::Line(2)),
            ("rgb,1,3\nrgb,3,2\n", BrokenLosses::Line(3)),
            ("rgb,1,3\nrgb,1,3\n", BrokenLosses::Line(3)),
            ("rgb,2,3\n", BrokenLosses::Line(2)),
            ("rgb,1,nan\n", BrokenLosses::Line(2)),
            ("rgb,1,3\nrgb,2,1.2", BrokenLosses::Cut),
        ] {
            assert_eq!(
                parse(&format!("branch,step,loss\n{lines}")),
                Err(broken),
                "{lines}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("losses.csv");
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        let refused = read(&path, std::iter::empty()).unwrap_err();
        let ReportError::Losses { source, .. } = refused else {
            panic!("{refused}");
        };
        assert_eq!(source, BrokenLosses::NoText);
    }

    #[test]
    fn a_student_without_losses_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("losses.csv");
        std::fs::write(&path, "branch,step,loss\nrgb,1,3\n").unwrap();
        let read = |modalities: &[Modality], steps: Option<u64>| {
            let student = |&modality| (StudentId { modality, index: 0 }, steps);
            read(&path, modalities.iter().map(student))
        };
        let broken = |modalities: &[Modality], steps| match read(modalities, steps) {
            Err(ReportError::Losses { source, .. }) => source,
            other => panic!("{other:?}"),
        };
        for steps in [None, Some(1)] {
            assert_eq!(read(&[Modality::Rgb], steps).unwrap()[0].steps, 1);
        }
        let lacking = BrokenLosses::Lacks("geometry".into());
        assert_eq!(broken(&Modality::ALL, None), lacking);
        let cut = BrokenLosses::Steps {
            student: "rgb".into(),
            found: 1,
            expected: 2,
        };
        assert_eq!(broken(&[Modality::Rgb], Some(2)), cut);
    }

    #[test]
    fn a_curve_reaches_from_end_to_end_and_stays_within_its_spread() {
        let losses = (1..=1000).map(|step| (f64::from(step), f64::from(step % 7)));
        let course = Course {
            branch: "rgb".into(),
            steps: 1000,
            losses: losses.collect(),
        };
        let smoothed = course.smoothed();
        assert_eq!(smoothed.first().map(|point| point[0]), Some(1.0));
        assert_eq!(smoothed.last().map(|point| point[0]), Some(1000.0));
        assert!(smoothed.iter().all(|point| (2.5..3.5).contains(&point[1])));
        assert!(
            course
                .spread()
                .iter()
                .all(|(_, ends)| ends[0] <= 2.0 && ends[1] >= 4.0)
        );
        let one = Course {
            branch: "gate".into(),
            steps: 1,
            losses: vec![(1.0, 2.0)],
        };
        assert_eq!(one.smoothed(), [[1.0, 2.0]]);
        let none = Course {
            branch: "gate".into(),
            steps: 0,
            losses: Vec::new(),
        };
        assert!(none.smoothed().is_empty() && none.spread().is_empty());
    }
}
