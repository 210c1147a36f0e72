//! Quantiles of the chi-square distribution, by which exact intervals for Poisson counts are found.

/// The number that a chi-square variable with so many degrees of freedom stays below with this probability.
pub(super) fn chi_square_quantile(degrees: f64, probability: f64) -> f64 {
    let shape = degrees / 2.0;
    if shape.is_nan() || shape <= 0.0 {
        return 0.0;
    }
    // The distribution grows, so halving finds the place; begin where it has surely passed.
    let (mut low, mut high) = (0.0, shape + 10.0 * shape.sqrt() + 20.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if regularised_gamma(shape, middle) < probability { low = middle } else { high = middle }
    }
    low + high
}

/// The lower regularised incomplete gamma function P(a, x) (Numerical Recipes, 3rd edition, 6.2).
fn regularised_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let factor = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 { series(a, x) * factor } else { 1.0 - continued_fraction(a, x) * factor }
}

fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut denominator) = (1.0 / a, 1.0 / a, a);
    for _ in 0..MAX_TERMS {
        denominator += 1.0;
        term *= x / denominator;
        sum += term;
        if term < sum * PRECISION {
            break;
        }
    }
    sum
}

/// By Lentz's method.
fn continued_fraction(a: f64, x: f64) -> f64 {
    let mut denominator = x + 1.0 - a;
    let mut above = 1.0 / TINY;
    let mut below = 1.0 / denominator;
    let mut value = below;
    let mut number = 0.0;
    for _ in 0..MAX_TERMS {
        number += 1.0;
        let numerator = -number * (number - a);
        denominator += 2.0;
        below = 1.0 / away_from_zero(numerator.mul_add(below, denominator));
        above = away_from_zero(denominator + numerator / above);
        value *= below * above;
        if (below * above - 1.0).abs() < PRECISION {
            break;
        }
    }
    value
}

fn away_from_zero(number: f64) -> f64 {
    if number.abs() < TINY { TINY } else { number }
}

/// The logarithm of the gamma function by Stirling's series, after moving the argument to where it is exact.
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < STIRLING_FROM {
        shift -= x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let tail = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1_260.0 - square / 1_680.0)));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + tail + shift
}

const HALVINGS: u32 = 100;
/// Enough for a million shares: series and fraction need some multiple of the square root of their number.
const MAX_TERMS: u32 = 20_000;
const PRECISION: f64 = 1e-14;
const TINY: f64 = 1e-300;
const STIRLING_FROM: f64 = 12.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4.
        for (degrees, probability, expected) in [
            (1.0, 0.95, 3.841),
            (2.0, 0.975, 7.378),
            (2.0, 0.025, 0.051),
            (10.0, 0.025, 3.247),
            (20.0, 0.975, 34.170),
            (100.0, 0.025, 74.222),
            (100.0, 0.975, 129.561),
        ] {
            let found = chi_square_quantile(degrees, probability);
            assert!((found - expected).abs() < 0.001, "{degrees} {probability}: {found}");
        }
    }

    #[test]
    fn many_degrees_come_close_to_the_normal_distribution() {
        let degrees: f64 = 2_000_000.0;
        let found = chi_square_quantile(degrees, 0.975);
        let normal = degrees + 1.959_964 * (2.0 * degrees).sqrt();
        assert!((found / normal - 1.0).abs() < 1e-5, "{found} {normal}");
    }

    #[test]
    fn logarithms_of_factorials() {
        assert!(ln_gamma(1.0).abs() < 1e-12);
        assert!((ln_gamma(11.0) - 3_628_800_f64.ln()).abs() < 1e-10);
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-10);
    }

    #[test]
    fn no_degrees_give_nothing() {
        assert!(chi_square_quantile(0.0, 0.5).abs() < f64::EPSILON);
        assert!(chi_square_quantile(f64::NAN, 0.5).abs() < f64::EPSILON);
    }
}
