/** Figures as the table prints them. */
export const formatFigure = {
  count: (value: number): string => Math.round(value).toLocaleString("en"),
  perSecond: (value: number): string => `${Math.round(value).toLocaleString("en")}/s`,
  milliseconds: (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`,
  microseconds: (value: number): string => `${value.toFixed(2)} µs`,
  megabytes: (value: number): string => `${Math.round(value).toLocaleString("en")} MB`,
  percent: (value: number): string => `${Math.round(value)} %`,
  kilobytes: (value: number): string => `${value.toFixed(1)} KB`,
} as const;
