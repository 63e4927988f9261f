//! The words that made-up rows are put together from.

/// First names, from many places.
pub(super) const FIRST_NAMES: &[&str] = &[
    "James", "Maria", "Robert", "Linda", "Michael", "Barbara", "David", "Susan", "William",
    "Jessica", "Richard", "Karen", "Joseph", "Nancy", "Thomas", "Lisa", "Daniel", "Margaret",
    "Matthew", "Sandra", "Anthony", "Ashley", "Mark", "Kimberly", "Steven", "Emily", "Paul",
    "Donna", "Andrew", "Michelle", "Joshua", "Carol", "Kenneth", "Amanda", "Kevin", "Melissa",
    "Brian", "Deborah", "George", "Stephanie", "Luis", "Rosa", "Carlos", "Ana", "Wei", "Mei",
    "Arjun", "Priya", "Omar", "Fatima", "Kenji", "Yuki", "Ivan", "Olga", "Liam", "Aoife", "Jean",
    "Chloe", "Hans", "Greta", "Tyrone", "Latoya", "Dwayne", "Keisha", "Noah", "Ava", "Ethan",
    "Zoe", "Caleb", "Ruth", "Jose", "Zoey", "Renee", "Andre",
];

/// Last names.
pub(super) const LAST_NAMES: &[&str] = &[
    "Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Rodriguez",
    "Martinez", "Hernandez", "Lopez", "Gonzalez", "Wilson", "Anderson", "Thomas", "Taylor",
    "Moore", "Jackson", "Martin", "Lee", "Perez", "Thompson", "White", "Harris", "Sanchez",
    "Clark", "Ramirez", "Lewis", "Robinson", "Walker", "Young", "Allen", "King", "Wright", "Scott",
    "Torres", "Nguyen", "Hill", "Flores", "Green", "Adams", "Nelson", "Baker", "Hall", "Rivera",
    "Campbell", "Mitchell", "Carter", "Roberts", "Gomez", "Phillips", "Evans", "Turner", "Diaz",
    "Parker", "Cruz", "Edwards", "Collins", "Reyes", "Stewart", "Morris", "Morales", "Murphy",
    "Cook", "Rogers", "Ortiz", "Morgan", "Cooper", "Peterson", "Bailey", "Reed", "Kelly", "Howard",
    "Ramos", "Kim", "Cox", "Ward", "Richardson", "Watson", "Brooks", "Chavez", "Wood", "Bennett",
    "Gray", "Mendoza", "Ruiz", "Hughes", "Price", "Alvarez", "Castillo", "Sanders", "Patel",
    "Myers", "Long", "Ross", "Foster", "Jimenez", "Oconnor", "Schmidt",
];

/// Streets, without the number.
pub(super) const STREETS: &[&str] = &[
    "Main St", "Oak St", "Maple Ave", "Cedar Ln", "Elm St", "Park Ave", "Washington St", "Lake Rd",
    "Hill St", "Pine St", "Walnut St", "Church St", "Franklin St", "Highland Ave", "River Rd",
    "Sunset Blvd", "Jackson St", "2nd Ave", "3rd St", "5th Ave", "Lincoln Way", "Adams Ct",
    "Jefferson Dr", "Mill Rd", "Chestnut St", "Broadway", "Spring St", "Prospect Ave", "Grove St",
    "Dogwood Dr",
];

/// What the front desk writes down about a customer.
pub(super) const NOTES: &[&str] = &[
    "Prefers text messages to calls.", "Pays by invoice at the end of the month.",
    "Call only after 5 pm.", "Has a service contract.", "Asks for the old parts back.",
    "Works from home; needs a loaner.", "Referred by a neighbor.",
    "Leave the device with the front desk.", "Tax exempt; certificate on file.",
    "Second number on file is the office.",
];

/// Who repairs.
pub(super) const TECHS: &[&str] = &[
    "Alex Kim", "Bianca Rossi", "Curtis Bell", "Dana Flores", "Evan Wright", "Farah Aziz",
    "Grace Liu", "Hector Ruiz", "Imani Brooks", "Jonas Weber", "Kayla Nguyen", "Leo Martin",
];

/// What is written under a symptom.
pub(super) const REMARKS: &[&str] = &[
    "Customer backed up the data.", "No backup; handle the disk with care.",
    "Needed back by Friday.", "Charger left with us.", "Password is in the safe.",
    "Quote before any part over 50 dollars.", "Under warranty until spring.",
    "Happened after the last update.", "Was dropped a week ago.", "Second visit for this problem.",
    "Customer waits for a call.", "Accessories: bag and cable.",
];

const LAPTOPS: &[&str] = &[
    "ThinkPad T14", "MacBook Air", "MacBook Pro 14", "Dell XPS 13", "Surface Pro 9",
    "Acer Aspire 5", "Chromebook Spin",
];
const DESKTOPS: &[&str] = &[
    "HP Pavilion", "Gaming PC", "iMac 24", "Mac mini", "Office PC",
];
const PHONES: &[&str] = &[
    "iPhone 14", "iPhone SE", "Galaxy S23", "Pixel 8", "iPad Air", "Galaxy Tab",
];
const PRINTERS: &[&str] = &[
    "Brother laser printer", "Epson EcoTank", "HP OfficeJet",
];
const OTHERS: &[&str] = &[
    "LG UltraWide monitor", "Synology NAS", "PlayStation 5", "Xbox Series X", "Nintendo Switch",
];

/// Devices, the problem for the title, the symptom for the description.
pub(super) const JOBS: &[(&[&str], &str, &str)] = &[
    (LAPTOPS, "screen flickers", "The picture flickers as soon as the lid moves."),
    (LAPTOPS, "will not turn on", "No light and no sound when the power button is pressed."),
    (DESKTOPS, "will not turn on", "No light and no sound when the power button is pressed."),
    (PHONES, "will not turn on", "No light and no sound when the power button is pressed."),
    (PRINTERS, "will not turn on", "No light and no sound when the power button is pressed."),
    (OTHERS, "will not turn on", "No light and no sound when the power button is pressed."),
    (LAPTOPS, "battery drains fast", "A full charge lasts less than an hour."),
    (PHONES, "battery drains fast", "A full charge lasts less than an hour."),
    (LAPTOPS, "cracked screen", "The glass is cracked from corner to corner."),
    (PHONES, "cracked screen", "The glass is cracked from corner to corner."),
    (LAPTOPS, "very slow", "Opening a document takes minutes."),
    (DESKTOPS, "very slow", "Opening a document takes minutes."),
    (LAPTOPS, "overheats", "The fan runs at full speed and the case gets too hot to touch."),
    (DESKTOPS, "overheats", "The fan runs at full speed and the case gets too hot to touch."),
    (OTHERS, "overheats", "The fan runs at full speed and the case gets too hot to touch."),
    (LAPTOPS, "no sound", "The speaker is silent; headphones work."),
    (PHONES, "no sound", "The speaker is silent; headphones work."),
    (LAPTOPS, "keyboard keys stuck", "Several keys stick or repeat after a spill."),
    (PHONES, "water damage", "Fell into water and was switched off right away."),
    (LAPTOPS, "will not charge", "The charging light stays off with every cable tried."),
    (PHONES, "will not charge", "The charging light stays off with every cable tried."),
    (LAPTOPS, "loses Wi-Fi", "The connection drops every few minutes in every room."),
    (PHONES, "loses Wi-Fi", "The connection drops every few minutes in every room."),
    (PRINTERS, "loses Wi-Fi", "The connection drops every few minutes in every room."),
    (LAPTOPS, "virus removal", "Pop-ups cover the screen and the home page has changed."),
    (DESKTOPS, "virus removal", "Pop-ups cover the screen and the home page has changed."),
    (LAPTOPS, "data recovery", "Photos and documents must be saved before anything else."),
    (DESKTOPS, "data recovery", "Photos and documents must be saved before anything else."),
    (PHONES, "data recovery", "Photos and documents must be saved before anything else."),
    (LAPTOPS, "operating system reinstall", "Stops at the logo and restarts over and over."),
    (DESKTOPS, "operating system reinstall", "Stops at the logo and restarts over and over."),
    (LAPTOPS, "memory upgrade", "More memory is wanted; parts are to be ordered by us."),
    (DESKTOPS, "memory upgrade", "More memory is wanted; parts are to be ordered by us."),
    (LAPTOPS, "SSD upgrade", "The old disk is to be copied to a new, larger one."),
    (DESKTOPS, "SSD upgrade", "The old disk is to be copied to a new, larger one."),
    (PRINTERS, "paper jam", "Feeds two sheets at once and then jams."),
    (PRINTERS, "streaks on every page", "Grey streaks from top to bottom, with a new cartridge too."),
    (LAPTOPS, "blue screen", "Stops with a blue screen several times a day."),
    (DESKTOPS, "blue screen", "Stops with a blue screen several times a day."),
    (DESKTOPS, "noisy fan", "Grinding noise from the fan after start."),
    (OTHERS, "noisy fan", "Grinding noise from the fan after start."),
    (PHONES, "camera does not focus", "Pictures are blurred at every distance."),
    (LAPTOPS, "port is loose", "The plug falls out unless it is held."),
    (OTHERS, "port is loose", "The plug falls out unless it is held."),
    (LAPTOPS, "yearly cleaning", "Cleaning inside, new thermal paste and a check of the disk."),
    (DESKTOPS, "yearly cleaning", "Cleaning inside, new thermal paste and a check of the disk."),
    (LAPTOPS, "data transfer", "Everything on the old device is to be moved to this one."),
    (PHONES, "data transfer", "Everything on the old device is to be moved to this one."),
    (LAPTOPS, "set up for a new user", "Accounts, mail and printer are to be set up."),
    (DESKTOPS, "set up for a new user", "Accounts, mail and printer are to be set up."),
    (PRINTERS, "set up for a new user", "Accounts, mail and printer are to be set up."),
];

/// City, state, the first three digits of its ZIP codes, area code.
pub(super) const CITIES: &[(&str, &str, &str, &str)] = &[
    ("New York", "NY", "100", "212"), ("Buffalo", "NY", "142", "716"),
    ("Los Angeles", "CA", "900", "213"), ("San Diego", "CA", "921", "619"),
    ("Sacramento", "CA", "958", "916"), ("Chicago", "IL", "606", "312"),
    ("Springfield", "IL", "627", "217"), ("Houston", "TX", "770", "713"),
    ("Austin", "TX", "787", "512"), ("Dallas", "TX", "752", "214"),
    ("El Paso", "TX", "799", "915"), ("Phoenix", "AZ", "850", "602"),
    ("Tucson", "AZ", "857", "520"), ("Philadelphia", "PA", "191", "215"),
    ("Pittsburgh", "PA", "152", "412"), ("Jacksonville", "FL", "322", "904"),
    ("Miami", "FL", "331", "305"), ("Tampa", "FL", "336", "813"), ("Columbus", "OH", "432", "614"),
    ("Cleveland", "OH", "441", "216"), ("Charlotte", "NC", "282", "704"),
    ("Raleigh", "NC", "276", "919"), ("Indianapolis", "IN", "462", "317"),
    ("Seattle", "WA", "981", "206"), ("Spokane", "WA", "992", "509"),
    ("Denver", "CO", "802", "303"), ("Boston", "MA", "021", "617"),
    ("Nashville", "TN", "372", "615"), ("Memphis", "TN", "381", "901"),
    ("Detroit", "MI", "482", "313"), ("Portland", "OR", "972", "503"),
    ("Portland", "ME", "041", "207"), ("Las Vegas", "NV", "891", "702"),
    ("Baltimore", "MD", "212", "410"), ("Milwaukee", "WI", "532", "414"),
    ("Albuquerque", "NM", "871", "505"), ("Kansas City", "MO", "641", "816"),
    ("Omaha", "NE", "681", "402"), ("Atlanta", "GA", "303", "404"),
    ("Minneapolis", "MN", "554", "612"), ("New Orleans", "LA", "701", "504"),
    ("Honolulu", "HI", "968", "808"), ("Boise", "ID", "837", "208"),
    ("Salt Lake City", "UT", "841", "801"), ("Richmond", "VA", "232", "804"),
    ("Louisville", "KY", "402", "502"), ("Oklahoma City", "OK", "731", "405"),
    ("Hartford", "CT", "061", "860"), ("Providence", "RI", "029", "401"),
    ("Burlington", "VT", "054", "802"),
];
