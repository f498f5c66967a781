"""Statistics of the verdict: intervals, resampling weights, Holm, sample size. numpy and the standard library only."""
