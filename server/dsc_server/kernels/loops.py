"""The inner loops of a query, one plain loop each, as numba compiles them; results go to the last arguments.

Single precision and the order of each sum over a code are those of the array operations, so the results are
too, bit by bit. Sums over dimensions may round differently. Indices are not checked: callers pass those of an
index, which are checked when it is read.
"""

import numpy as np
from numpy.typing import NDArray

CACHE_LINE = 64  # bytes
BLOCK = 128  # entries


def list_once(
    images: NDArray[np.int64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    base: int,
    met: int,
    marks: NDArray[np.int32],
    found: NDArray[np.int64],
    groups: NDArray[np.int32],
    places: NDArray[np.int32],
    parents: NDArray[np.int32],
    last_lists: NDArray[np.int32],
    children: NDArray[np.int32],
) -> tuple[int, int, int]:
    """Images of lists, each once, and for each the group of images that are in the same lists.

    A group is a parent group and one list more; group 0 is in no list. Lists come one after the other, so of
    all groups with a parent only the newest can end with the present list.

    Args:
        images: (E,), the entries of all lists.
        starts: (lists,), first entry of each list.
        stops: (lists,), the entry after the last of each list.
        base: of this query.
        met: number of images that come before those of the lists; found, groups and marks hold them.
        marks: (R,), position of each row among those found, plus base; less than base if it is not yet met.
        found: the images.
        groups: the group of each image found.
        places: (entries,), position among those found of each entry.
        parents: of each group.
        last_lists: the last list of each group.
        children: the newest group of each parent; 0 if there is none.

    Returns:
        Number of images found, number of groups, and a number as that of `score`.
    """
    entry = 0
    touched = 0
    num_groups = 1
    parents[0] = 0
    last_lists[0] = -1
    children[0] = 0
    for number in range(starts.size):
        for first in range(starts[number], stops[number], BLOCK):
            stop = min(first + BLOCK, stops[number])
            for position in range(first, stop):
                touched += marks[images[position]]
            for position in range(first, stop):
                row = images[position]
                place = marks[row] - base
                if place < 0:
                    place = met
                    marks[row] = base + met
                    found[met] = row
                    groups[met] = 0
                    met += 1
                parent = groups[place]
                group = children[parent]
                if last_lists[group] != number:
                    group = num_groups
                    num_groups += 1
                    parents[group] = parent
                    last_lists[group] = number
                    children[group] = 0
                    children[parent] = group
                groups[place] = group
                places[entry] = place
                entry += 1
    return met, num_groups, touched


def agree(
    parents: NDArray[np.int32],
    last_lists: NDArray[np.int32],
    ratios: NDArray[np.float64],
    missed: NDArray[np.float64],
    slope: float,
    groups: NDArray[np.int32],
    sums: NDArray[np.float64],
    products: NDArray[np.float64],
    logs: NDArray[np.float64],
    chances: NDArray[np.float64],
    agreement: float,
) -> None:
    """For some groups, Σ_t log(1 + slope R_t - agreement), and the product of `missed` over their lists.

    R_t is the sum of a group's ratios, in the order of its lists. One logarithm of a product is enough, as
    long as the product is neither huge nor tiny.

    Args:
        parents: of each group.
        last_lists: the last list of each group.
        ratios: (lists, T).
        missed: (lists,).
        slope: factor of R_t.
        groups: (n,) the groups asked for.
        sums: (all groups, T) scratch.
        products: (all groups,) scratch.
        logs: (n,).
        chances: (n,).
        agreement: subtracted from each factor.
    """
    num_slots = ratios.shape[1]
    sums[0, :] = 0.0
    products[0] = 1.0
    for group in range(1, parents.size):
        parent, last = parents[group], last_lists[group]
        for slot in range(num_slots):
            sums[group, slot] = sums[parent, slot] + ratios[last, slot]
        products[group] = products[parent] * missed[last]
    for i in range(groups.size):
        group = groups[i]
        total, product = 0.0, 1.0
        for slot in range(num_slots):
            product *= 1.0 - agreement + slope * sums[group, slot]
            if not 1e-100 < product < 1e100:
                total += np.log(product)
                product = 1.0
        logs[i] = total + np.log(product)
        chances[i] = products[group]


def largest_sums(
    values: NDArray[np.float64], largest: NDArray[np.float64], sums: NDArray[np.float64]
) -> None:
    """(T,) for each row of (T, P ≥ n): the sum of its n largest values, the least of them first.

    Args:
        values: (T, P).
        largest: (n,), scratch: the largest values so far, ascending.
        sums: (T,).
    """
    count = largest.size
    for row in range(values.shape[0]):
        largest[:] = -np.inf
        for column in range(values.shape[1] if count else 0):
            value = values[row, column]
            if value > largest[0]:
                place = 0
                while place + 1 < count and largest[place + 1] < value:
                    largest[place] = largest[place + 1]
                    place += 1
                largest[place] = value
        total = 0.0
        for place in range(count):
            total += largest[place]
        sums[row] = total


def look_up(table: NDArray[np.float32], codes: NDArray[np.uint8], sums: NDArray[np.float32]) -> None:
    """(J,) Σ_m table[m, codes[j, m]].

    Four rows at a time: additions of one row wait for each other.
    """
    num_subvectors, num_rows = table.shape[0], codes.shape[0]
    whole = num_rows - num_rows % 4
    for j in range(0, whole, 4):
        a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for m in range(num_subvectors):
            a += table[m, codes[j, m]]
            b += table[m, codes[j + 1, m]]
            c += table[m, codes[j + 2, m]]
            d += table[m, codes[j + 3, m]]
        sums[j], sums[j + 1], sums[j + 2], sums[j + 3] = a, b, c, d
    for j in range(whole, num_rows):
        a = np.float32(0)
        for m in range(num_subvectors):
            a += table[m, codes[j, m]]
        sums[j] = a


def score(
    table: NDArray[np.float32],
    codes: NDArray[np.uint8],
    images: NDArray[np.int64],
    groups: NDArray[np.int32],
    of_groups: NDArray[np.float32],
    start: np.float32,
    scores: NDArray[np.float32],
) -> int:
    """(n,) start + Σ_m table[m, codes[image, m]] + of_groups[group], four images at a time.

    The codes of a large database lie in main memory. Reads do not wait for each other if little is done
    between them, so every cache line of a block of codes is read before the block is scored.

    Returns:
        A number without meaning: a compiler leaves out reads that have no result.
    """
    num_subvectors, count = table.shape[0], images.size
    touched = 0
    for first in range(0, count, BLOCK):
        stop = min(first + BLOCK, count)
        for i in range(first, stop):
            for m in range(0, num_subvectors, CACHE_LINE):
                touched += codes[images[i], m]
            touched += codes[images[i], num_subvectors - 1]
        whole = stop - (stop - first) % 4
        for i in range(first, whole, 4):
            a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            row_a, row_b, row_c, row_d = images[i], images[i + 1], images[i + 2], images[i + 3]
            for m in range(num_subvectors):
                a += table[m, codes[row_a, m]]
                b += table[m, codes[row_b, m]]
                c += table[m, codes[row_c, m]]
                d += table[m, codes[row_d, m]]
            scores[i] = start + a + of_groups[groups[i]]
            scores[i + 1] = start + b + of_groups[groups[i + 1]]
            scores[i + 2] = start + c + of_groups[groups[i + 2]]
            scores[i + 3] = start + d + of_groups[groups[i + 3]]
        for i in range(whole, stop):
            a = np.float32(0)
            for m in range(num_subvectors):
                a += table[m, codes[images[i], m]]
            scores[i] = start + a + of_groups[groups[i]]
    return touched


def distance_table(
    vector: NDArray[np.float32], words: NDArray[np.float32], table: NDArray[np.float32]
) -> None:
    """(M, n) ‖vector_m - words[j, m]‖²."""
    for j in range(words.shape[0]):
        for m in range(words.shape[1]):
            total = np.float32(0)
            for d in range(words.shape[2]):
                difference = words[j, m, d] - vector[m, d]
                total += difference * difference
            table[m, j] = total


def fill_distances(
    words: NDArray[np.float32],
    m: int,
    rows: NDArray[np.int64],
    known: NDArray[np.bool_],
    table: NDArray[np.float32],
) -> None:
    """Rows of the (M, n, n) squared distances between the words of sub-vector m, unless they are known."""
    for row in rows:
        if known[m, row]:
            continue
        for j in range(words.shape[0]):
            total = np.float32(0)
            for d in range(words.shape[2]):
                difference = words[j, m, d] - words[row, m, d]
                total += difference * difference
            table[m, row, j] = total
        known[m, row] = True


def near_words(
    intercepts: NDArray[np.float32],
    slopes: NDArray[np.float32],
    codes: NDArray[np.uint8],
    features: NDArray[np.float32],
    sums: NDArray[np.float32],
) -> None:
    """(J,) Σ_m intercepts[m, c_m] + ⟨slopes[m, c_m], features_m⟩, with c the code of each row."""
    num_subvectors, width = slopes.shape[0], slopes.shape[2]
    for j in range(codes.shape[0]):
        total = np.float32(0)
        for m in range(num_subvectors):
            total += intercepts[m, codes[j, m]]
        for m in range(num_subvectors):
            word = codes[j, m]
            part = np.float32(0)
            for d in range(width):
                part += slopes[m, word, d] * features[j, m * width + d]
            total += part
        sums[j] = total


def halves_as_floats(bits: NDArray[np.uint16], rows: NDArray[np.int64], floats: NDArray[np.float32]) -> None:
    """(n, D) float32: the float16 whose bits are those of some rows of (R, D).

    The mantissa and exponent of a float16 are those of a float32 that is 2^112 times smaller. This holds for
    subnormal numbers too; infinities and NaN keep an exponent of ones.
    """
    for i in range(rows.size):
        row = rows[i]
        for d in range(bits.shape[1]):
            half = bits[row, d]
            small = np.uint32((half & 0x7FFF) << 13).view(np.float32)
            magnitude = np.float32(small * np.float32(2.0**112)).view(np.uint32)
            if half & 0x7C00 == 0x7C00:
                magnitude = np.uint32(magnitude | 0x7F800000)
            sign = np.uint32((half & 0x8000) << 16)
            floats[i, d] = np.uint32(magnitude | sign).view(np.float32)


def check_factors(
    slots: NDArray[np.float64],
    places: NDArray[np.int64],
    plan: NDArray[np.int64],
    results: NDArray[np.int64],
    rows: NDArray[np.float64],
    factors: NDArray[np.float64],
) -> None:
    """(T, 2^c): as `Kernels.check_factors`.

    Args:
        slots: (T, K).
        places: (T, K), t · 2^c and what label k adds in slot t.
        plan: (steps, 3), convolutions rows[out] = rows[a] ∗ rows[b] over the exclusive or, in this order.
        results: (T,), the row that is over all but each slot.
        rows: (T + 1 + steps, 2^c), row T the received weights; the others are scratch.
        factors: the result.
    """
    num_slots, size = factors.shape
    rows[:num_slots, :] = 0.0
    for t in range(num_slots):
        total = 0.0
        for k in range(slots.shape[1]):
            rows[t, places[t, k] - t * size] += slots[t, k]
            total += slots[t, k]
        for i in range(size):
            rows[t, i] /= total
            factors[t, i] = total
    for step in range(plan.shape[0]):
        a, b, out = plan[step, 0], plan[step, 1], plan[step, 2]
        for k in range(size):
            convolved = 0.0
            for i in range(size):
                convolved += rows[a, i] * rows[b, i ^ k]
            rows[out, k] = convolved
    for t in range(num_slots):
        needed = results[t]
        total = 0.0
        for i in range(size):
            total += rows[t, i] * rows[needed, i]
        for i in range(size):  # check bits that no head has say nothing
            factors[t, i] = (rows[needed, i] / total if total > 0 else 1.0) / factors[t, i]
