"""Least squares and its covariances without rounding: every float is a fraction, so all but CV2's root is exact.

Columns are made integers by a power of two each, sums of products are integers, solutions are fractions: whether a
rank is full or a standard error is zero is decided, not judged. CV2's matrix function f(P) = P^(-1/2) of
P = (A − A_g) A⁻¹ is iterated at 512 bits, in coordinates where A is diagonal: X_g'(I − H_gg)^(-1/2) û_g = f(P_g) s_g,
for H_gg = X_gA⁻¹X_g'. On directions that only cluster g identifies f is zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import frexp, log
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat, fmpz, fmpz_mat

BITS = 512
ctx.prec = BITS

Number = int | float


def dyadic(values: list[Number]) -> tuple[list[int], int]:
    """Return integers m and one exponent e with value = m · 2^e exactly."""
    ratios = [value.as_integer_ratio() for value in values]
    shift = max(den.bit_length() - 1 for _, den in ratios)
    whole = [num << (shift - (den.bit_length() - 1)) for num, den in ratios]
    common = min((low_bit(m) for m in whole if m), default=0)
    return [m >> common for m in whole], common - shift


def low_bit(m: int) -> int:
    return (m & -m).bit_length() - 1


def scaled(value: fmpq | arb, exponent: int) -> arb:
    return arb(value) * arb(2) ** exponent


@dataclass(frozen=True)
class Exact:
    """y = X β + u by rows of integers; `exponents` and `y_exponent` carry a result back to the columns as given."""

    X: list[list[int]]  # (N, K)
    y: list[int]
    codes: list[int]  # 0..G-1
    exponents: list[int]
    y_exponent: int

    @classmethod
    def of(cls, columns: list[list[Number]], y: list[Number], codes: list[int]) -> Exact:
        each = [dyadic(column) for column in columns]
        whole, exponent = dyadic(y)
        number = {code: g for g, code in enumerate(sorted(set(codes)))}
        rows = [list(row) for row in zip(*(m for m, _ in each), strict=True)]
        return cls(rows, whole, [number[code] for code in codes], [e for _, e in each], exponent)

    @property
    def N(self) -> int:
        return len(self.y)

    @property
    def K(self) -> int:
        return len(self.exponents)

    @property
    def G(self) -> int:
        return max(self.codes) + 1

    @cached_property
    def rank(self) -> int:
        return fmpz_mat(self.X).rank()

    # --- sums, exact -----------------------------------------------------------------------------

    @cached_property
    def members(self) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in range(self.G)]
        for i, g in enumerate(self.codes):
            found[g].append(i)
        return found

    @cached_property
    def grams(self) -> list[fmpz_mat]:
        blocks = [fmpz_mat([self.X[i] for i in rows]) for rows in self.members]
        return [block.transpose() * block for block in blocks]

    @cached_property
    def A(self) -> fmpz_mat:
        X = fmpz_mat(self.X)
        return X.transpose() * X

    @cached_property
    def bread(self) -> fmpq_mat:
        return fmpq_mat(self.A).inv()

    @cached_property
    def beta(self) -> list[fmpq]:
        X, y = fmpz_mat(self.X), fmpz_mat([[v] for v in self.y])
        return (self.bread * fmpq_mat(X.transpose() * y)).entries()

    @cached_property
    def residuals(self) -> list[fmpq]:
        fitted = fmpq_mat(fmpz_mat(self.X)) * fmpq_mat(self.K, 1, self.beta)
        return [fmpq(v) - f for v, f in zip(self.y, fitted.entries(), strict=True)]

    @cached_property
    def scores(self) -> list[fmpq_mat]:
        found = []
        for rows in self.members:
            X = fmpq_mat(fmpz_mat([self.X[i] for i in rows]))
            found.append(X.transpose() * fmpq_mat(len(rows), 1, [self.residuals[i] for i in rows]))
        return found

    @cached_property
    def rss(self) -> fmpq:
        y = sum((v * v for v in self.y), 0)
        moments = fmpz_mat(self.X).transpose() * fmpz_mat([[v] for v in self.y])
        return fmpq(y) - sum((b * fmpq(m) for b, m in zip(self.beta, moments.entries(), strict=True)), fmpq(0))

    # --- results, in the columns as given ---------------------------------------------------------

    @cached_property
    def coef(self) -> list[arb]:
        return [scaled(b, self.y_exponent - e) for b, e in zip(self.beta, self.exponents, strict=True)]

    def variances(self, variant: str) -> list[fmpq | arb | None]:
        """Return the K variances in integer coordinates; None where they do not exist."""
        return getattr(self, f"_{variant.lower()}")()

    def se(self, variant: str) -> list[arb | None]:
        """Return the K standard errors, exact zeros as arb zero, None where one does not exist."""
        return [
            None if v is None else scaled(arb(v).sqrt(), self.y_exponent - e)
            for v, e in zip(self.variances(variant), self.exponents, strict=True)
        ]

    def _iid(self) -> list[fmpq]:
        return [self.rss / (self.N - self.K) * self.bread[j, j] for j in range(self.K)]

    @cached_property
    def _carried(self) -> list[list[fmpq]]:
        """A⁻¹x_i (N, K)."""
        rows = fmpq_mat(fmpz_mat(self.X)) * self.bread
        return [[rows[i, j] for j in range(self.K)] for i in range(self.N)]

    @cached_property
    def leverages(self) -> list[fmpq]:
        return [
            sum((w * fmpz(x) for w, x in zip(carried, row, strict=True)), fmpq(0))
            for carried, row in zip(self._carried, self.X, strict=True)
        ]

    def _rowwise(self, power: int) -> list[arb | None]:
        """Return Σ u_i² (A⁻¹x_i)_j² (1 − h_i)^-power; a row that alone carries a coefficient leaves it None."""
        alone = [power > 0 and h == 1 for h in self.leverages]
        left = [
            arb(1) if one or not power else arb(1 - h) ** power for h, one in zip(self.leverages, alone, strict=True)
        ]
        weights = [arb(0) if one else arb(u) ** 2 / f for u, one, f in zip(self.residuals, alone, left, strict=True)]
        return [
            None
            if any(one and w[j] != 0 for one, w in zip(alone, self._carried, strict=True))
            else sum((v * arb(w[j]) ** 2 for v, w in zip(weights, self._carried, strict=True)), arb(0))
            for j in range(self.K)
        ]

    def _hc0(self) -> list[arb | None]:
        return self._rowwise(0)

    def _hc1(self) -> list[arb | None]:
        return [v * self.N / (self.N - self.K) for v in self._rowwise(0)]

    def _hc2(self) -> list[arb | None]:
        return self._rowwise(1)

    def _hc3(self) -> list[arb | None]:
        return self._rowwise(2)

    def _cv0(self) -> list[arb]:
        moved = [(self.bread * s).entries() for s in self.scores]
        return [squares(m[j] for m in moved) for j in range(self.K)]

    def _cv1(self) -> list[arb]:
        factor = arb(fmpq(self.G, self.G - 1) * fmpq(self.N - 1, self.N - self.K))
        return [factor * v for v in self._cv0()]

    # --- leave-one-out ----------------------------------------------------------------------------

    @cached_property
    def null_directions(self) -> list[list[list[fmpq]]]:
        """Of each cluster, a basis of the directions that the other clusters say nothing of."""
        return [null_space(fmpq_mat(self.A - gram)) for gram in self.grams]

    @cached_property
    def lost(self) -> list[bool]:
        """Whether a coefficient has no estimate without some cluster."""
        return [any(m[j] != 0 for basis in self.null_directions for m in basis) for j in range(self.K)]

    def lost_share(self, j: int, *, rows: bool) -> float:
        """The largest share of coefficient j's row of L⁻¹ that lies in a direction lost with one cluster or row."""
        whole = arb(self.bread[j, j]).sqrt()
        ones = [w for w, h in zip(self._carried, self.leverages, strict=True) if h == 1]
        found = [arb(0)]
        for m in ones if rows else [m for basis in self.null_directions for m in basis]:
            column = fmpq_mat(self.K, 1, m)
            length = arb((column.transpose() * fmpq_mat(self.A) * column)[0, 0]).sqrt()
            found.append(abs(arb(m[j])) / (length * whole))
        return max(float(v.mid()) for v in found)

    @cached_property
    def moved(self) -> list[list[fmpq]]:
        """β̂^(g) − β̂ (G, K); of no meaning where `lost`."""
        found = []
        for gram, score, null in zip(self.grams, self.scores, self.null_directions, strict=True):
            D = fmpq_mat(self.A - gram)
            for m in null:  # any generalised inverse gives the same in what is identified
                column = fmpq_mat(self.K, 1, m)
                AM = fmpq_mat(self.A) * column
                D += AM * AM.transpose()
            found.append([-v for v in (D.inv() * score).entries()])
        return found

    def _cv3(self) -> list[arb | None]:
        factor = arb(fmpq(self.G - 1, self.G))
        return [None if self.lost[j] else factor * squares(m[j] for m in self.moved) for j in range(self.K)]

    def _cv3j(self) -> list[arb | None]:
        factor = arb(fmpq(self.G - 1, self.G))
        found: list[arb | None] = []
        for j in range(self.K):
            start = self.moved[0][j]
            apart = [arb(m[j] - start) for m in self.moved]  # all exactly zero when the estimates are one
            mean = sum(apart, arb(0)) / self.G
            found.append(None if self.lost[j] else factor * sum(((v - mean) ** 2 for v in apart), arb(0)))
        return found

    @cached_property
    def roots(self) -> list[arb_mat]:
        """f(P_g) (K, K) of every cluster, P_g = (A − A_g)A⁻¹, zero on the null directions."""
        return [self._root(gram, null) for gram, null in zip(self.grams, self.null_directions, strict=True)]

    @cached_property
    def _level(self) -> tuple[arb_mat, arb_mat]:
        """T and T⁻¹ (K, K) with T A T' diagonal and near 1: A = L D L', T = 2^-d L⁻¹."""
        L, pivots = factored(fmpq_mat(self.A))
        powers = [arb(2) ** -round(float(arb(pivot).log().mid()) / log(4.0)) for pivot in pivots]
        inverse = L.inv()
        T = [[arb(inverse[i, j]) * powers[i] for j in range(self.K)] for i in range(self.K)]
        back = [[arb(L[i, j]) / powers[j] for j in range(self.K)] for i in range(self.K)]
        return arb_mat(T), arb_mat(back)

    def _root(self, gram: fmpz_mat, null: list[list[fmpq]]) -> arb_mat:
        P, N = fmpq_mat(self.A - gram) * self.bread, fmpq_mat(self.K, self.K)
        if null:
            M = fmpq_mat(len(null), self.K, [v for m in null for v in m]).transpose()
            AM = fmpq_mat(self.A) * M
            N = AM * (M.transpose() * AM).inv() * M.transpose()
        T, back = self._level
        return back * inverse_root(T * arb_mat(P + N) * back) * T - arb_mat(N)

    def _cv2(self) -> list[arb | None]:
        """A sum below 2^-200 of the iid variance is zero: the root is known to 2^-100 of itself."""
        bread, iid = arb_mat(self.bread), self._iid()
        moved = [(bread * (root * arb_mat(s))).entries() for root, s in zip(self.roots, self.scores, strict=True)]
        sums = [sum((m[j] ** 2 for m in moved), arb(0)).mid() for j in range(self.K)]
        zero = [bool(v <= arb(i).mid() * arb(2) ** -200) for v, i in zip(sums, iid, strict=True)]
        return [None if self.lost[j] else arb(0) if zero[j] else sums[j] for j in range(self.K)]

    def satterthwaite(self, j: int) -> arb | None:
        """(tr P)²/tr P² of CV2's quadratic form for coefficient j, P the G×G matrix formed from c_g = A_g f' A⁻¹e_j."""
        if self.lost[j]:
            return None
        bread = arb_mat(self.bread)
        a = arb_mat(self.K, 1, [bread[k, j] for k in range(self.K)])
        trace, squares, inner = arb(0), arb(0), arb_mat(self.K, self.K)
        for root, gram in zip(self.roots, self.grams, strict=True):
            w = root.transpose() * a
            c = arb_mat(gram) * w
            d, e = (w.transpose() * c)[0, 0], (c.transpose() * bread * c)[0, 0]
            trace += d - e
            squares += d * d - 2 * d * e
            inner += c * c.transpose()
        product = bread * inner
        squares += (product * product).trace()
        return trace * trace / squares

    # --- how hard the problem is ------------------------------------------------------------------

    @cached_property
    def constants(self) -> list[bool]:
        return [len({row[j] for row in self.X}) == 1 and self.X[0][j] != 0 for j in range(self.K)]

    @cached_property
    def centred(self) -> np.ndarray:
        """The columns less their means where one is constant, each of length one, (N, K)."""
        columns = []
        for j, constant in enumerate(self.constants):
            column = [row[j] for row in self.X]
            if any(self.constants) and not constant:
                total = sum(column)
                column = [self.N * v - total for v in column]
            columns.append(unit_length(column))
        return np.array(columns).T

    @cached_property
    def condition(self) -> float:
        return condition(self.centred)

    @cached_property
    def raw(self) -> np.ndarray:
        """The columns as they are, each of length one, (N, K)."""
        return np.array([unit_length([row[j] for row in self.X]) for j in range(self.K)]).T

    @cached_property
    def raw_condition(self) -> float:
        return condition(self.raw)

    @cached_property
    def explained(self) -> float:
        """‖y‖/‖û‖, y less its mean where a column is constant: the digits that û loses."""
        total = sum(self.y)
        squares = (
            sum((self.N * v - total) ** 2 for v in self.y)
            if any(self.constants)
            else self.N**2 * sum(v * v for v in self.y)
        )
        return np.inf if self.rss == 0 else float((arb(fmpq(squares, self.N**2) / self.rss)).sqrt().mid())

    @cached_property
    def as_given(self) -> float:
        """‖y‖/‖û‖, y as it is: what half a unit in the last place of y is of û."""
        squares = fmpq(sum(v * v for v in self.y))
        return np.inf if self.rss == 0 else float((arb(squares / self.rss)).sqrt().mid())

    @cached_property
    def slack(self) -> float:
        """The smallest 1 − λ that is not zero, of a cluster or a row: what its own share leaves to the others."""
        low = min((float(arb(1 - h)) for h in self.leverages if h != 1), default=1.0)
        scale = self.centred
        inverse = np.linalg.pinv(np.linalg.cholesky(scale.T @ scale)) if self.condition < 1e6 else None
        for rows, null in zip(self.members, self.null_directions, strict=True):
            if inverse is None or len(null) == self.K:
                continue
            others = np.delete(scale, rows, axis=0) @ inverse.T
            low = min(low, least_held(others, null) ** 2)  # a cluster may nearly carry one direction beside another
        return max(low, 1e-30)

    def moved_by_rounding(self, *, rows: bool) -> float:
        """How far a rounding of X by 1 turns what is lost with a cluster or row: one over what the others hold least.

        What is lost are the null directions of the rows that are left, so it is their condition that counts, and not
        that of all rows.
        """
        alone = [([i], [1]) for i, h in enumerate(self.leverages) if h == 1]
        gone = alone if rows else [pair for pair in zip(self.members, self.null_directions, strict=True) if pair[1]]
        held = [least_held(np.delete(self.raw, i, axis=0), null) for i, null in gone if len(null) < self.K]
        return 1.0 / max(min(held, default=1.0), 1e-300)

    def is_blurred(self, held: float, *, rows: bool) -> bool:
        """Whether without some cluster, or row, more directions are below 1/held of the columns than are null."""
        alone = [int(h == 1) for h in self.leverages] if rows else [len(null) for null in self.null_directions]
        left_out = [[i] for i in range(self.N)] if rows else self.members
        for gone, null in zip(left_out, alone, strict=True):
            values = np.linalg.svd(np.delete(self.raw, gone, axis=0), compute_uv=False)
            if self.K - int(np.sum(values > 1.0 / held)) > null:
                return True
        return False


def squares(values: Iterable[fmpq]) -> arb:
    """Return the sum of squares: exactly zero when every value is."""
    return sum((arb(v) ** 2 for v in values), arb(0))


def least_held(others: np.ndarray, null: list[Any]) -> float:
    """The least singular value of the others' rows that is not one of their null directions."""
    return float(np.linalg.svd(others, compute_uv=False)[others.shape[1] - len(null) - 1])


def condition(X: np.ndarray) -> float:
    values = np.linalg.svd(X, compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > 0 else np.inf


def unit_length(column: list[int]) -> list[float]:
    largest = max(abs(v) for v in column)
    if largest == 0:
        return [0.0] * len(column)
    shift = max(largest.bit_length() - 64, 0)
    values = np.array([float(v >> shift) if shift else float(v) for v in column])
    values = values / 2.0 ** frexp(np.abs(values).max())[1]
    return list(values / np.linalg.norm(values))


def null_space(M: fmpq_mat) -> list[list[fmpq]]:
    """Return a basis of the vectors M takes to zero, from the reduced row echelon form."""
    if M.rank() == M.nrows():
        return []
    echelon, rank = M.rref()
    K = M.ncols()
    pivots = [next(j for j in range(K) if echelon[i, j] != 0) for i in range(rank)]
    basis = []
    for free in (j for j in range(K) if j not in pivots):
        vector = [fmpq(0)] * K
        vector[free] = fmpq(1)
        for i, pivot in enumerate(pivots):
            vector[pivot] = -echelon[i, free]
        basis.append(vector)
    return basis


def factored(A: fmpq_mat) -> tuple[fmpq_mat, list[fmpq]]:
    """Return the unit lower triangle L and the pivots of A = L D L'."""
    K = A.nrows()
    L = fmpq_mat(K, K, [fmpq(int(i == j)) for i in range(K) for j in range(K)])
    pivots: list[fmpq] = []
    for j in range(K):
        pivots.append(A[j, j] - sum((L[j, k] ** 2 * pivots[k] for k in range(j)), fmpq(0)))
        for i in range(j + 1, K):
            L[i, j] = (A[i, j] - sum((L[i, k] * L[j, k] * pivots[k] for k in range(j)), fmpq(0))) / pivots[j]
    return L, pivots


def inverse_root(P: arb_mat) -> arb_mat:
    """Return P^(-1/2) by Denman and Beavers' iteration; P is similar to a positive definite matrix."""
    K = P.nrows()
    identity = arb_mat(K, K, [int(i == j) for i in range(K) for j in range(K)])
    Y, Z = P.mid(), identity
    for _ in range(200):
        Y, Z, old = ((Y + Z.inv()) / 2).mid(), ((Z + Y.inv()) / 2).mid(), Z
        if largest(Z - old) <= largest(Z) * arb(2) ** -120:
            Y, Z = ((Y + Z.inv()) / 2).mid(), ((Z + Y.inv()) / 2).mid()
            break
    if not largest(Z * Z * P - identity) < arb(2) ** -100:
        raise ArithmeticError("the oracle's matrix root has not settled")
    return Z


def largest(M: arb_mat) -> arb:
    return max(abs(v.mid()) for v in M.entries())


def t_pvalue(t: float, dof: float) -> float:
    """P(|T| ≥ |t|): the regularised incomplete beta function at dof/(dof + t²)."""
    square, nu = arb(t) * arb(t), arb(dof)
    return float((nu / (nu + square)).beta_lower(nu / 2, arb(0.5), regularized=True).mid())
