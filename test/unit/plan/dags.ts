import fc from 'fast-check';

/** Random DAGs as needs: for each node some smaller nodes. */
export const dags = ({ maxLength = 24 } = {}): fc.Arbitrary<number[][]> =>
  fc
    .array(fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 4 }), { maxLength })
    .map((rows) =>
      rows.map((row, id) => [...new Set(id === 0 ? [] : row.map((value) => value % id))].sort((a, b) => a - b)),
    );
