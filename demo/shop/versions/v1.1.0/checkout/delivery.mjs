// When an order arrives: two working days, counted from the next one when it is placed after 16:00 UTC.
const CUT_OFF_HOUR = 16;
const WORKING_DAYS = 2;

const isWorkingDay = (day) => day.getUTCDay() !== 0 && day.getUTCDay() !== 6;

export function arrival(placed) {
  const day = new Date(placed);
  let left = placed.getUTCHours() >= CUT_OFF_HOUR ? WORKING_DAYS + 1 : WORKING_DAYS;
  while (left > 0) {
    day.setUTCDate(day.getUTCDate() + 1);
    if (isWorkingDay(day)) left -= 1;
  }
  return day.toISOString().slice(0, 10);
}
