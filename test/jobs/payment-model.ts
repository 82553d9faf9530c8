/**
 * What the calls about payments do (DESIGN §3, "Repeats" and "Payments are recorded once"), written
 * out anew and as short as it goes.
 */
export interface ModelJob {
  status: string;
  price_msats: number;
  output_hash: string | null;
  error_message: string | null;
}

export interface ModelEarning {
  job_id: string | null;
  amount_msats: number;
  source: 'job' | 'tip';
  payment_hash: string | null;
  preimage: string | null;
}

export type Payment = Pick<ModelEarning, 'payment_hash' | 'preimage'>;

/** A refusal, which changes nothing. */
export class Refused extends Error {}

const refuse = (code: string): never => {
  throw new Refused(code);
};
const fits = <T>(stored: T | null, given: T | null) =>
  stored === null || given === null || stored === given;

export class PaymentModel {
  jobs = new Map<string, ModelJob>();
  /** In the order of their recording. */
  earnings: ModelEarning[] = [];

  create(id: string): void {
    if (this.jobs.has(id)) refuse('ALREADY_EXISTS');
    this.jobs.set(id, {
      status: 'processing',
      price_msats: 0,
      output_hash: null,
      error_message: null,
    });
  }

  updateStatus(id: string, status: string): void {
    const job = this.#job(id);
    if (job.status === status) return;
    const next: Record<string, string[]> = {
      processing: ['pending', 'completed', 'failed', 'cancelled'],
      pending: ['processing', 'completed', 'failed', 'cancelled'],
      failed: ['pending', 'processing', 'completed'],
    };
    if (next[job.status]?.includes(status) !== true) refuse('ILLEGAL_TRANSITION');
    job.status = status;
    if (status === 'completed') job.error_message = null;
  }

  fail(id: string, message: string): void {
    const job = this.#job(id);
    if (job.status === 'failed' && !fits(job.error_message, message)) refuse('ILLEGAL_TRANSITION');
    if (job.status !== 'failed') this.updateStatus(id, 'failed');
    job.error_message = message;
  }

  complete(id: string, price_msats: number, output_hash: string | null): void {
    const job = this.#job(id);
    this.#assertCompletable(job, price_msats, output_hash);
    job.status = 'completed';
    job.error_message = null;
    job.price_msats = price_msats;
    job.output_hash = output_hash ?? job.output_hash;
  }

  /** Gives the earning. */
  completeWithPayment(
    id: string,
    price_msats: number,
    output_hash: string | null,
    payment: Payment,
  ): ModelEarning {
    const job = this.#job(id);
    const wanted: ModelEarning = {
      job_id: id,
      amount_msats: price_msats,
      source: 'job',
      ...payment,
    };
    const ofJob = this.earnings.filter(
      (e) =>
        e.job_id === id &&
        e.amount_msats === price_msats &&
        (e.source === 'job' || e.payment_hash !== null),
    );
    const standing =
      this.#ofHash(payment) ??
      ofJob.find((e) => e.payment_hash === null && fits(e.preimage, payment.preimage));
    if (standing === undefined && ofJob.length > 0) {
      const isOpen = job.status !== 'completed' && job.status !== 'cancelled';
      refuse(payment.payment_hash === null && !isOpen ? 'ILLEGAL_TRANSITION' : 'DUPLICATE_PAYMENT');
    }
    if (standing !== undefined) this.#assertSame(standing, wanted);
    this.complete(id, price_msats, output_hash);
    return this.#fill(standing, wanted);
  }

  /** Gives the earning. */
  record(wanted: ModelEarning): ModelEarning {
    const standing = this.#ofHash(wanted);
    if (standing !== undefined) this.#assertSame(standing, wanted);
    if (wanted.job_id !== null) {
      const fillsOrAdds = standing === undefined || standing.job_id === null;
      if (fillsOrAdds) this.#job(wanted.job_id);
    }
    return this.#fill(standing, wanted);
  }

  #job(id: string): ModelJob {
    return this.jobs.get(id) ?? refuse('NOT_FOUND');
  }

  #ofHash({ payment_hash }: Payment): ModelEarning | undefined {
    return this.earnings.find((e) => payment_hash !== null && e.payment_hash === payment_hash);
  }

  #assertCompletable(job: ModelJob, price_msats: number, output_hash: string | null): void {
    if (job.status === 'cancelled') refuse('ILLEGAL_TRANSITION');
    if (job.status !== 'completed') return;
    const isSame = job.price_msats === 0 || job.price_msats === price_msats;
    if (!isSame || !fits(job.output_hash, output_hash)) refuse('ILLEGAL_TRANSITION');
  }

  #assertSame(standing: ModelEarning, wanted: ModelEarning): void {
    const isSame =
      (standing.job_id === null || standing.job_id === wanted.job_id) &&
      standing.amount_msats === wanted.amount_msats &&
      fits(standing.preimage, wanted.preimage);
    if (!isSame) refuse('DUPLICATE_PAYMENT');
  }

  #fill(standing: ModelEarning | undefined, wanted: ModelEarning): ModelEarning {
    if (standing === undefined) {
      this.earnings.push({ ...wanted });
      return wanted;
    }
    standing.job_id ??= wanted.job_id;
    standing.payment_hash ??= wanted.payment_hash;
    standing.preimage ??= wanted.preimage;
    return standing;
  }
}
