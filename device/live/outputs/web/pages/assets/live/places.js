// Which label stands in which row. A label keeps its row while its rank changes; a newcomer takes one that is free. Now
// and then the rows are put in order, by scores averaged over a second or so, and only where one is clearly ahead: what
// is read must stand still.
"use strict";

class Places {
  static AVERAGED_MS = 1000;
  static HOLD_MS = 2000;
  static AHEAD = 0.05; // of the whole bar

  rows = []; // the label of each row
  averages = new Map();
  shares = new Map();
  averagedAt = 0;
  orderedAt = 0;

  /** shares: of each label that is shown, best first, as long as its bar. */
  update(shares, now) {
    this.average(now);
    this.shares = shares;
    for (const [label, share] of shares) if (!this.averages.has(label)) this.averages.set(label, share);
    const newcomers = [...shares.keys()].filter((label) => !this.rows.includes(label));
    const kept = this.rows.map((label) => (shares.has(label) ? label : newcomers.shift()));
    this.rows = [...kept.filter((label) => label !== undefined), ...newcomers];
    this.order(now);
  }

  /** The averages move towards what is shown, also while nothing new comes. */
  average(now) {
    const part = 1 - Math.exp((this.averagedAt - now) / Places.AVERAGED_MS);
    this.averagedAt = now;
    for (const [label, average] of this.averages) {
      const next = average + part * ((this.shares.get(label) ?? 0) - average);
      if (next > 0.001 || this.shares.has(label)) this.averages.set(label, next);
      else this.averages.delete(label);
    }
  }

  order(now) {
    if (now - this.orderedAt < Places.HOLD_MS) return;
    for (let end = this.rows.length - 1; end > 0; end--) {
      for (let i = 0; i < end; i++) {
        const [upper, lower] = [this.rows[i], this.rows[i + 1]];
        if (this.averages.get(lower) - this.averages.get(upper) > Places.AHEAD) {
          [this.rows[i], this.rows[i + 1]] = [lower, upper];
          this.orderedAt = now;
        }
      }
    }
  }
}
