// The order in which results were shown.

/** Sorts in place. @returns whether the positions are distinct. */
export function sortByPosition(results: { readonly position: number }[]): boolean {
  results.sort((a, b) => a.position - b.position);
  return results.every((result, index) => index === 0 || results[index - 1]!.position < result.position);
}
