/** The budget of one evaluation, so that no payload can make a condition run long. */

/**
 * Work one evaluation may do: an operation run for an item of a list, an item copied or compared,
 * or 16 characters read or written cost one each. About 20 ms.
 */
export const evaluationBudget = 1_000_000

/** Longest text a condition may build, in UTF-16 units. */
export const textLimit = 1_000_000

const charsPerUnit = 16

/** Thrown to leave an evaluation whose budget is spent; the condition is then unknown. */
export class BudgetSpent extends Error {
  override readonly name = 'BudgetSpent'
}

export class Work {
  private left = evaluationBudget
  /** Evaluations that were given up, ever. */
  overruns = 0

  renew(): void {
    this.left = evaluationBudget
  }

  charge(units: number): void {
    this.left -= units
    if (this.left < 0) throw new BudgetSpent()
  }

  chargeText(length: number): void {
    if (length > textLimit) throw new BudgetSpent()
    this.charge(length / charsPerUnit)
  }
}
