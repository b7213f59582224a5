//! The area under the ROC curve by ranks (Mann and Whitney's U).

/// Probability that a positive's score lies above a negative's, ties counting one half.
///
/// Equals `(sum of midranks of positives - P(P+1)/2) / (P N)`. `None` without positives or
/// without negatives. Scores are finite.
pub(crate) fn auroc(negatives: &[f32], positives: &[f32]) -> Option<f64> {
    ranking(negatives, positives).auroc()
}

/// Mean over the positives of the precision at each one's score. `None` without
/// positives. Scores are finite.
pub(crate) fn average_precision(negatives: &[f32], positives: &[f32]) -> Option<f64> {
    ranking(negatives, positives).average_precision()
}

/// The ROC curve: a point for each score that occurs, from (0, 0) to (1, 1). `None` without
/// positives or without negatives.
pub(super) fn roc(negatives: &[f32], positives: &[f32]) -> Option<Vec<[f64; 2]>> {
    if negatives.is_empty() || positives.is_empty() {
        return None;
    }
    let mut points = vec![[0.0; 2]];
    each_group(negatives, positives, |ranking| {
        let share = |count: u64, all: usize| count as f64 / all as f64;
        points.push([
            share(ranking.negatives, negatives.len()),
            share(ranking.positives, positives.len()),
        ]);
    });
    Some(points)
}

fn ranking(negatives: &[f32], positives: &[f32]) -> Ranking {
    each_group(negatives, positives, |_| {})
}

/// Ranks all scores; `look` sees the counts after each group of equal ones.
fn each_group(negatives: &[f32], positives: &[f32], mut look: impl FnMut(&Ranking)) -> Ranking {
    let mut scores: Vec<(f32, bool)> = negatives
        .iter()
        .map(|&score| (score, false))
        .chain(positives.iter().map(|&score| (score, true)))
        .collect();
    scores.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut ranking = Ranking::default();
    for tied in scores.chunk_by(|a, b| a.0 == b.0) {
        let positives = tied.iter().filter(|&&(_, positive)| positive).count() as u64;
        ranking.take(positives, tied.len() as u64 - positives);
        look(&ranking);
    }
    ranking
}

/// Counts of positives and negatives, taken in groups of equal score from the highest down.
///
/// Whole numbers throughout: no order of summation changes a figure.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    positives: u64,
    negatives: u64,
    /// Twice the number of pairs in which the negative lies above; a tie counts 1.
    inverted: u128,
    /// Sum over groups of positives times precision (average precision before its division).
    precision: f64,
}

impl Ranking {
    /// Takes the next lower group of equal scores.
    pub(super) fn take(&mut self, positives: u64, negatives: u64) {
        self.inverted += u128::from(positives) * u128::from(2 * self.negatives + negatives);
        self.positives += positives;
        self.negatives += negatives;
        if positives > 0 {
            let precision = self.positives as f64 / (self.positives + self.negatives) as f64;
            self.precision += positives as f64 * precision;
        }
    }

    /// Area under the ROC curve.
    pub(super) fn auroc(&self) -> Option<f64> {
        let pairs = u128::from(self.positives) * u128::from(self.negatives);
        (pairs > 0).then(|| 1.0 - self.inverted as f64 / (2.0 * pairs as f64))
    }

    /// Mean over the positives of the precision at each one's score (no interpolation).
    pub(super) fn average_precision(&self) -> Option<f64> {
        (self.positives > 0).then(|| self.precision / self.positives as f64)
    }
}
